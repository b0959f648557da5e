//! Nodes for a test that has their clock.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use livesync::stats::Reject;
use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source};
use livesync::unstable::wire::PeerList;
use livesync::{Announce, Config, InfoHash, Peer, PeerFlags, TrackerId};

pub fn address(node: u8) -> SocketAddr {
    ([10, 0, 0, node], 40_000).into()
}

pub fn node(number: u8) -> Node {
    node_with_id(number, TrackerId([number; 4]))
}

/// Returns a node that takes no IPv6 peers, does no scrape sync, and has sent its first
/// heartbeat.
pub fn node_with_id(number: u8, id: TrackerId) -> Node {
    node_with(number, id, &config())
}

pub fn node_with(number: u8, id: TrackerId, config: &Config) -> Node {
    let config = config.clone().isolated_after(Duration::MAX);
    let mut node = Node::new(
        Time::START,
        id,
        &[LinkInfo::multicast_ipv4(address(number))],
        number.into(),
        &config,
    );
    node.handle_timeout(Time::START);
    assert_eq!(
        drain(&mut node).len(),
        usize::from(config.repair),
        "a heartbeat"
    );
    node
}

pub fn config() -> Config {
    Config::default().ipv6(false).scrape(false)
}

pub fn source(number: u8) -> Source {
    Source {
        address: address(number),
        allowed: true,
    }
}

pub fn record(number: u32) -> Announce {
    let mut hash = [0; 20];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    Announce {
        info_hash: InfoHash(hash),
        peer: Peer {
            ip: Ipv4Addr::from(number).into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        },
    }
}

pub fn millis(millis: u64) -> Time {
    Time::START + Duration::from_millis(millis)
}

/// Returns the announces of a datagram.
pub fn hear<'a>(
    hearer: &mut Node,
    now: Time,
    source: Source,
    datagram: &'a [u8],
) -> Result<PeerList<'a>, Reject> {
    match hearer.handle_datagram(now, source, datagram)? {
        Received::Peers(peers) => Ok(peers),
        other => panic!("{other:?}"),
    }
}

/// Returns all packets that are ready.
pub fn drain(node: &mut Node) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| node.poll_transmit())
        .map(|datagram| datagram.as_ref().to_vec())
        .collect()
}
