//! What a handle has done and heard so far, as structs of C.
#![allow(non_camel_case_types)]
#![allow(dead_code, reason = "constants that only C programs use")]

use std::time::Duration;

use crate::address::in_16_bytes;
use crate::counters::counters;
use crate::engine::{NodeStats, Stats};
use crate::host::Usage;
use crate::host::memory::Counts;
use crate::protocol::MAX_NODES;
#[cfg(feature = "want_sync_scrape")]
use crate::protocol::ScrapeState;
use crate::reject::Reject;

/// No part in scrape sync.
pub const LIVESYNC_SCRAPE_OFF: u32 = 0;
/// Nothing to do.
pub const LIVESYNC_SCRAPE_IDLE: u32 = 1;
/// Another tracker has more torrents: about to ask one, or waiting for it to tell.
pub const LIVESYNC_SCRAPE_INQUIRING: u32 = 2;
/// Telling all torrents to a tracker that asked.
pub const LIVESYNC_SCRAPE_TELLING: u32 = 3;
/// About to tell back what we know better than another tracker told.
pub const LIVESYNC_SCRAPE_TELLING_BACK: u32 = 4;

/// How many trackers livesync_nodes() knows at most.
pub const LIVESYNC_MAX_NODES: u32 = 256;

const _: () = assert!(LIVESYNC_MAX_NODES as usize == MAX_NODES);

/// What a handle has done since it was started last. Counts only grow until it is started
/// again.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct livesync_stats_t {
    /// How many bytes of this struct the library has set.
    pub size: usize,
    /// The id under which the handle speaks, in host byte order; 0 while it is stopped.
    pub tracker_id: u32,
    /// LIVESYNC_SCRAPE_...: what scrape sync does now.
    pub scrape_state: u32,
    /// Milliseconds since the start; 0 while it is stopped.
    pub uptime_ms: u64,
    /// How many trackers livesync_nodes() knows now; 0 while it is stopped.
    pub nodes: u64,
    /// Announces told by the program.
    pub records_announced: u64,
    /// Announces heard from others and handed to the program.
    pub records_heard: u64,
    /// Packets completed for sending, and their bytes.
    pub packets_out: u64,
    pub bytes_out: u64,
    /// Datagrams that arrived, used or not, and their bytes.
    pub packets_in: u64,
    pub bytes_in: u64,
    /// Packets that could not be sent.
    pub send_errors: u64,
    /// Packets lost because the network took none for too long.
    pub packets_overflowed: u64,
    /// How often another tracker spoke under our id.
    pub id_collisions: u64,
    /// Dropped: the source is not allowed to speak.
    pub drops_not_allowed: u64,
    /// Dropped: shorter than a header.
    pub drops_too_short: u64,
    /// Dropped: our own packet, come back to us.
    pub drops_own_packet: u64,
    /// Dropped: a packet type that we do not know.
    pub drops_unknown_type: u64,
    /// Dropped: the length does not fit the packet type.
    pub drops_bad_length: u64,
    /// Dropped: a list without a record.
    pub drops_empty_list: u64,
    /// An incomplete record at the end of a list was dropped; those before it were used.
    pub drops_truncated_tail: u64,
    /// Dropped: an IPv6 peer list, and none are wanted.
    pub drops_ipv6_unsupported: u64,
    /// Dropped: scrape sync, and the handle takes no part in it.
    pub drops_scrape_unsupported: u64,
    /// Scrape sync: beacons and inquiries sent and heard.
    pub beacons_sent: u64,
    pub beacons_heard: u64,
    pub inquiries_sent: u64,
    pub inquiries_heard: u64,
    /// Scrape sync: torrents told; and torrents heard of which the program or the table has
    /// said what became.
    pub torrents_sent: u64,
    pub torrents_heard: u64,
    /// Scrape sync: torrents heard that the program could not store.
    pub torrents_failed: u64,
    /// Scrape sync: torrents known better than heard, for which there was no room to
    /// remember that they are to be told back.
    pub torrents_not_remembered: u64,
    /// Events that wait for livesync_poll_events() now.
    pub events_waiting: u64,
    /// The table: torrents and peers in it now, with some that have expired and are not
    /// removed yet, and the bytes that they take at most.
    pub table_torrents: u64,
    pub table_peers: u64,
    pub table_bytes: u64,
    /// The table: peers and torrents that left because they were not announced again, and
    /// because the table was full.
    pub table_expired: u64,
    pub table_evicted: u64,
    /// Repair: packets of others that are missing now and may still come.
    pub packets_missing: u64,
    /// Repair: packets that were missing and came after all; and that did not come in time,
    /// so what they told is lost.
    pub packets_recovered: u64,
    pub packets_lost: u64,
    /// Repair: packets that others missed and we have sent again.
    pub packets_retransmitted: u64,
    /// Repair: requests for missing packets that we have sent; and that asked us.
    pub naks_sent: u64,
    pub naks_heard: u64,
    /// Repair: heartbeats sent.
    pub heartbeats_sent: u64,
    /// With LIVESYNC_AUTH_ACCEPT: packets that were used although they prove nothing.
    pub packets_unauthenticated: u64,
    /// Dropped: numbers that cannot be.
    pub drops_bad_numbers: u64,
    /// Dropped: a packet that was heard already, or lost.
    pub drops_duplicate: u64,
    /// Dropped: a packet recovered too late to know what is newer.
    pub drops_too_late: u64,
    /// Dropped: with a key, a packet without a tag.
    pub drops_untagged: u64,
    /// Dropped: with a key, a packet whose tag is not of our keys and our cluster.
    pub drops_bad_tag: u64,
    /// Dropped: with a key, a packet that was recorded earlier and sent once more.
    pub drops_replayed: u64,
    /// Dropped: with a key, a packet of a tracker whose clock is too far from ours.
    pub drops_skewed: u64,
    /// Packets that the kernel dropped because the receive buffer was full: see
    /// net.core.rmem_max. Counted since livesync_open() or the last start, on Linux only.
    /// Those that come together as one message (UDP_GRO) count as one.
    pub receive_buffer_errors: u64,
    /// Announces of the program that were refused because the peer has port 0 or address 0.
    pub announces_refused: u64,
    /// Log lines that standard error did not take at once, and that are lost, since the
    /// process began. Those of other handles count, too.
    pub log_lines_dropped: u64,
    /// Dropped: the record of a peer that has port 0 or address 0. The other records of its
    /// packet were used.
    pub drops_bad_peer: u64,
    /// Dropped: a beacon with more than 2^32 torrents; or the record of a torrent with more than
    /// 2^48 downloads, or announced more than a hundred years ago, of which the other records of
    /// its packet were used.
    pub drops_bad_count: u64,
    /// Of packets_overflowed: heartbeats, NAKs, beacons and inquiries; packets of announces;
    /// packets sent again; packets of torrents.
    pub overflowed_control: u64,
    pub overflowed_live: u64,
    pub overflowed_repair: u64,
    pub overflowed_bulk: u64,
}

/// A tracker that was heard.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_node_t {
    /// Its id, in host byte order.
    pub tracker_id: u32,
    /// The port it sends from, in host byte order.
    pub port: u16,
    /// 0.
    pub reserved: u16,
    /// The address it sends from: IPv6, or IPv4 as ::ffff:a.b.c.d.
    pub ip: [u8; 16],
    /// How many milliseconds ago it was last heard.
    pub last_heard_ms: u64,
    /// Packets of it, also such that this handle has no use for.
    pub packets: u64,
    /// Announces in them.
    pub records: u64,
    /// Beacons among them.
    pub beacons: u64,
    /// How many torrents it had at its last beacon; 0 before the first.
    pub torrents: u64,
    /// How many milliseconds its clock is ahead of ours; negative: behind, by the clock and
    /// by the time that packets take. 0 if its packets do not say.
    pub ahead_ms: i64,
    /// How many milliseconds its last packet took longer than the fastest: the replication
    /// lag.
    pub lag_ms: u64,
    /// Packets of it that are missing and may still come; that were missing and came after
    /// all; and that did not come in time.
    pub packets_missing: u64,
    pub packets_recovered: u64,
    pub packets_lost: u64,
    /// 1: its last packet proved by a key where it comes from.
    pub authenticated: u64,
}

/// The swarm of a torrent, in the table of a handle.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct livesync_counts_t {
    /// How many bytes of this struct the library has set.
    pub size: usize,
    /// 1: the torrent is in the table; 0: it is not, and all other fields are 0.
    pub known: u32,
    /// How many minutes ago it was last announced.
    pub base_offset: u32,
    /// Peers that have everything.
    pub seeders: u64,
    /// All other peers.
    pub leechers: u64,
    /// How often it was downloaded.
    pub downloaded: u64,
}

/// Copies the counters of a table into the fields of the same names.
macro_rules! copy {
    (($from:expr => $to:expr) $($(#[$what:meta])+ $name:ident)+) => {
        $($to.$name = $from.$name;)+
    };
}

/// Copies the counts of all drops.
macro_rules! copy_drops {
    (
        ($from:expr => $to:expr)
        $($(#[$when:meta])+ $reject:ident, $counter:ident: $reason:literal;)+
    ) => {
        $($to.$counter = $from.of(Reject::$reject);)+
    };
}

impl livesync_stats_t {
    pub(super) fn fill(&mut self, stats: &Stats) {
        if stats.running {
            self.tracker_id = stats.id.to_host();
            self.uptime_ms = millis(stats.uptime);
            self.nodes = stats.nodes as u64;
        }
        self.packets_missing = stats.packets_missing;
        counters!(engine => copy!(stats => self));
        let counters = &stats.counters;
        counters!(node => copy!(counters => self));
        counters!(repair => copy!(counters.repair => self));
        counters!(drops => copy_drops!(counters.drops => self));
        #[cfg(feature = "want_sync_scrape")]
        {
            counters!(scrape => copy!(counters.scrape => self));
            self.scrape_state = match stats.scrape.filter(|_| stats.running) {
                None => LIVESYNC_SCRAPE_OFF,
                Some(ScrapeState::Idle) => LIVESYNC_SCRAPE_IDLE,
                Some(ScrapeState::Inquiring) => LIVESYNC_SCRAPE_INQUIRING,
                Some(ScrapeState::Telling) => LIVESYNC_SCRAPE_TELLING,
                Some(ScrapeState::TellingBack) => LIVESYNC_SCRAPE_TELLING_BACK,
            };
        }
    }

    pub(super) fn fill_table(&mut self, table: &Usage) {
        self.table_torrents = table.torrents;
        self.table_peers = table.peers;
        self.table_bytes = table.bytes;
        self.table_expired = table.expired;
        self.table_evicted = table.evicted;
    }
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

impl From<Counts> for livesync_counts_t {
    fn from(counts: Counts) -> Self {
        Self {
            size: 0,
            known: 1,
            base_offset: counts.base_offset,
            seeders: counts.seeders,
            leechers: counts.leechers,
            downloaded: counts.downloaded,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
