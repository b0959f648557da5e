//! The other nodes of the cluster, as a C struct.
#![allow(non_camel_case_types)]
#![allow(dead_code, reason = "constants that only C programs use")]

use super::stats::millis;
use crate::address::in_16_bytes;
use crate::engine::NodeStats;
use crate::protocol::MAX_NODES;

/// The number of nodes that livesync_nodes() writes at most.
pub const LIVESYNC_MAX_NODES: u32 = 256;

const _: () = assert!(LIVESYNC_MAX_NODES as usize == MAX_NODES);

/// Another node of the cluster.
///
/// @since 0.1.0
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_node_t {
    /// The id of the node, in host byte order.
    pub tracker_id: u32,
    /// The port that the node sends from, in host byte order.
    pub port: u16,
    /// Always 0.
    pub reserved: u16,
    /// The address that the node sends from, in network byte order: IPv6, or
    /// IPv4-mapped IPv6.
    pub ip: [u8; 16],
    /// The time since the last packet of the node, in milliseconds.
    pub last_heard_ms: u64,
    /// Packets received from the node, including those that this handle has no use for.
    pub packets: u64,
    /// Announces in these packets.
    pub records: u64,
    /// Beacons among these packets.
    pub beacons: u64,
    /// The number of torrents of the node as of its last beacon; 0 before the first.
    pub torrents: u64,
    /// How far the clock of the node is ahead of this host's, in milliseconds. It is negative if it
    /// is behind; the time that packets take counts as behind. 0 if its packets carry no time.
    pub ahead_ms: i64,
    /// The replication lag in milliseconds: by how much the node's last packet was slower than its
    /// fastest.
    pub lag_ms: u64,
    /// Packets of the node that are missing now and may still come.
    pub packets_missing: u64,
    /// Packets of the node that were missing and came after all.
    pub packets_recovered: u64,
    /// Packets of the node that were missing and did not come in time.
    pub packets_lost: u64,
    /// 1 if the last packet of the node was authenticated, otherwise 0.
    pub authenticated: u64,
}

impl From<&NodeStats> for livesync_node_t {
    fn from(node: &NodeStats) -> Self {
        Self {
            tracker_id: node.id.to_host(),
            port: node.address.port(),
            reserved: 0,
            ip: in_16_bytes(node.address.ip()),
            last_heard_ms: millis(node.ago),
            packets: node.packets,
            records: node.records,
            beacons: node.beacons,
            torrents: node.torrents,
            ahead_ms: node.ahead_ms,
            lag_ms: millis(node.lag),
            packets_missing: node.missing,
            packets_recovered: node.recovered,
            packets_lost: node.lost,
            authenticated: node.authenticated.into(),
        }
    }
}
