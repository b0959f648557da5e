//! Scrape sync step by step, in interesting cases.

mod asking;
mod telling;
mod telling_back;

use std::time::Duration;

use livesync::unstable::wire::{Beacon, Header, PacketType, Record};
use livesync::{Config, Torrent, TrackerId};

use super::audit::per_packet;
use super::cluster::Cluster;
use super::host::{Host, info_hash};
use super::traffic::What;

pub const SECOND: Duration = Duration::from_secs(1);
pub const INTERVAL: Duration = Duration::from_secs(60);

#[test]
fn three_hundred_torrents_beside_five_thousand() {
    let config = Config::default();
    let mut smaller = Host::with(0..100, 1);
    smaller.torrents.extend(Host::with(100..140, 7).torrents);
    smaller.torrents.extend(Host::with(140..300, 2).torrents);
    let mut fuller = Host::with(100..5_100, 5);
    for entry in fuller.torrents.values_mut() {
        entry.announced = -30;
    }
    let mut cluster = cluster(1, [smaller, fuller], &config);

    let end = config.first_beacon_delay + INTERVAL * 5 + SECOND;
    cluster.run_until(end);
    let [smaller, fuller] = [0, 1].map(|number| &cluster.nodes[number].host);
    assert_eq!((smaller.count(), fuller.count()), (5_100, 5_000));
    for number in 0..5_100 {
        let expected = match number {
            0..100 => (Some(1), None),
            100..140 => (Some(7), Some(7)),
            _ => (Some(5), Some(5)),
        };
        let hash = info_hash(number);
        assert_eq!(
            (smaller.downloaded(&hash), fuller.downloaded(&hash)),
            expected
        );
    }
    let learned = &smaller.torrents[&info_hash(5_000)];
    assert_eq!(learned.announced, -30, "when it was last announced");

    let said = cluster.journal.take().unwrap();
    assert_eq!(said[0].at, config.first_beacon_delay);
    let inquiries = said
        .iter()
        .filter(|said| matches!(said.what, What::Inquire(_)));
    let inquiries: Vec<_> = inquiries.map(|said| (said.by, &said.what)).collect();
    assert_eq!(inquiries, [(0, &What::Inquire(id(1)))]);
    let sent_by = |by| {
        let tells = said.iter().filter(move |said| said.by == by);
        tells.filter_map(|said| match &said.what {
            What::ScrapeTell(torrents) => Some(torrents.len() as u64),
            _ => None,
        })
    };
    assert_eq!(
        sent_by(1).count() as u64,
        5_000_u64.div_ceil(per_packet(&config))
    );
    assert_eq!(sent_by(1).sum::<u64>(), 5_000);
    assert_eq!(sent_by(0).collect::<Vec<_>>(), [40], "told back");

    let before = cluster.traffic.clone();
    cluster.run_for(INTERVAL * 60);
    let after = cluster.traffic.since(&before);
    assert_eq!((after.inquiries, after.tells), (0, 0));
    assert_eq!(after.beacons, 2 * 60);
}

/// Returns settings with which no node sends a beacon in these tests.
pub fn silent() -> Config {
    Config::default().first_beacon_delay(INTERVAL * 1000)
}

/// Makes a cluster of nodes 0, 1, … with these torrents, and with a journal.
pub fn cluster(seed: u64, hosts: impl IntoIterator<Item = Host>, config: &Config) -> Cluster {
    let mut cluster = Cluster::new(seed);
    cluster.journal = Some(Vec::new());
    for (number, host) in hosts.into_iter().enumerate() {
        cluster.join(id(number as u8), host, config, Duration::ZERO);
    }
    cluster
}

pub fn id(number: u8) -> TrackerId {
    TrackerId([number; 4])
}

pub fn beacon(from: TrackerId, torrents: u64) -> [u8; Beacon::LEN] {
    Beacon { torrents }.emit(from)
}

/// Makes a tell packet of the torrents with these numbers, each downloaded this many times.
pub fn scrape_tell(
    from: TrackerId,
    numbers: impl IntoIterator<Item = u64>,
    downloaded: u64,
) -> Vec<u8> {
    let mut packet = Header::new(from, PacketType::ScrapeTell).emit().to_vec();
    for number in numbers {
        let torrent = Torrent {
            info_hash: info_hash(number),
            base_offset: 0,
            downloaded,
        };
        packet.extend(torrent.emit());
    }
    packet
}

/// Returns the inquiries since the last call: the second, and the id that they address.
pub fn inquiries(cluster: &mut Cluster) -> Vec<(u64, TrackerId)> {
    let said = cluster.journal.as_mut().unwrap().drain(..);
    said.filter_map(|said| match said.what {
        What::Inquire(target) => Some((said.at.as_secs(), target)),
        _ => None,
    })
    .collect()
}

/// Returns the torrents told since the last call.
pub fn sent_torrents(cluster: &mut Cluster) -> Vec<Torrent> {
    let said = cluster.journal.as_mut().unwrap().drain(..);
    said.flat_map(|said| match said.what {
        What::ScrapeTell(torrents) => torrents,
        _ => Vec::new(),
    })
    .collect()
}
