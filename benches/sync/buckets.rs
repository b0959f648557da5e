//! Measures how long a bucket of torrents is locked during a scrape tell of a million torrents.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use livesync::unstable::wire::Inquire;
use livesync::{Cursor, Host, InfoHash, Livesync, Merged, Peer, Torrent, Torrents, TrackerId};

use crate::network::{self, GROUP};
use crate::ours;
use crate::table::{Effort, Figures, note, quantile, row};

/// As many buckets as the C tracker has.
const BUCKETS: usize = 1024;

/// Number of torrents in a packet of the C way.
const PER_PACKET: usize = 45;
const HEADER: usize = 8;
const RECORD: usize = 32;

pub fn run(effort: Effort) {
    let torrents = effort.pick(1_000_000, 20_000);
    let host = Arc::new(Buckets::with(torrents));
    the_c_way(&host, network::port());
    let c_way = host.longest_holds();
    let start = Instant::now();
    our_way(&host, network::port(), torrents);
    let took = start.elapsed().as_secs_f64();
    let ours = host.longest_holds();
    let [(p99, longest), (our_p99, our_longest)] = [c_way, ours];
    let figures = |c_way, ours| Figures { c_way, ours };
    row(
        "hold of a bucket, p99",
        "µs",
        figures(p99, our_p99),
        "at most 50 µs",
    );
    row(
        "hold of a bucket, longest",
        "µs",
        figures(longest, our_longest),
        "",
    );
    note(&format!(
        "ours sent {torrents} torrents in {took:.1} s, at the pace of the defaults"
    ));
}

/// Walks a whole bucket at once, and sends full packets under its lock.
fn the_c_way(host: &Buckets, port: u16) {
    let socket = network::sender(Ipv4Addr::LOCALHOST);
    let group = SocketAddrV4::new(GROUP, port).into();
    let mut packet = Vec::with_capacity(HEADER + RECORD * PER_PACKET);
    for bucket in 0..BUCKETS {
        host.with_bucket(bucket, |torrents| {
            for torrents in torrents.chunks(PER_PACKET) {
                packet.clear();
                packet.extend([0; HEADER]);
                for torrent in torrents {
                    packet.extend(torrent.info_hash.0);
                    packet.extend(torrent.base_offset.to_be_bytes());
                    packet.extend(torrent.downloaded.to_be_bytes());
                }
                let _ = socket.send_to(&packet, &group);
            }
        });
    }
}

fn our_way(host: &Arc<Buckets>, port: u16, torrents: u64) {
    let id = TrackerId([1; 4]);
    let node = Livesync::open(ours::config(port), host.clone()).expect("a handle");
    node.start(id).expect("a start");
    let inquiry = Inquire { asked: id }.emit(TrackerId([2; 4]));
    let group = SocketAddrV4::new(GROUP, port).into();
    network::sender(Ipv4Addr::LOCALHOST)
        .send_to(&inquiry, &group)
        .expect("a question");
    let end = Instant::now() + Duration::from_secs(120);
    while ours::counters(&node).scrape.torrents_sent < torrents {
        assert!(Instant::now() < end, "{}", ours::counters(&node));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Torrents in buckets, as the C tracker has them: sorted, each bucket behind a lock of its
/// own.
struct Buckets {
    buckets: Vec<Mutex<Vec<Torrent>>>,
    /// Times for which buckets were locked, in microseconds.
    holds: Mutex<Vec<f64>>,
}

impl Buckets {
    fn with(torrents: u64) -> Self {
        let mut buckets = vec![vec![]; BUCKETS];
        for number in 0..torrents {
            let mut info_hash = [0; 20];
            let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            info_hash[..8].copy_from_slice(&mixed.to_be_bytes());
            buckets[mixed as usize >> 4 & (BUCKETS - 1)].push(Torrent {
                info_hash: InfoHash(info_hash),
                base_offset: 5,
                downloaded: number,
            });
        }
        for bucket in &mut buckets {
            bucket.sort_by_key(|torrent| torrent.info_hash);
        }
        Self {
            buckets: buckets.into_iter().map(Mutex::new).collect(),
            holds: Mutex::default(),
        }
    }

    /// Runs a function on the torrents of a locked bucket, and notes how long it took.
    fn with_bucket<T>(&self, bucket: usize, what: impl FnOnce(&[Torrent]) -> T) -> T {
        let torrents = self.buckets[bucket].lock().expect("nobody panicked");
        let start = Instant::now();
        let result = what(&torrents);
        let held = start.elapsed();
        drop(torrents);
        let mut holds = self.holds.lock().expect("nobody panicked");
        holds.push(held.as_secs_f64() * 1e6);
        result
    }

    /// Returns the p99 and the maximum of all holds since the last call.
    fn longest_holds(&self) -> (f64, f64) {
        let holds = std::mem::take(&mut *self.holds.lock().expect("nobody panicked"));
        (quantile(holds.clone(), 9_900), quantile(holds, 10_000))
    }
}

impl Torrents for Buckets {
    fn count(&self) -> u64 {
        1
    }

    fn walk(&self, cursor: Cursor, limit: usize, walked: &mut Vec<Torrent>) -> Option<Cursor> {
        let bucket = cursor.bucket as usize;
        let after = self.with_bucket(bucket, |torrents| {
            let begin = cursor.after.map_or(0, |after| {
                torrents.partition_point(|torrent| torrent.info_hash <= after)
            });
            let rest = &torrents[begin..];
            walked.extend(rest.iter().take(limit));
            let after = rest.get(..limit)?.last()?;
            Some(after.info_hash)
        });
        if after.is_some() {
            return Some(Cursor { after, ..cursor });
        }
        let bucket = cursor.bucket + 1;
        ((bucket as usize) < BUCKETS).then_some(Cursor { bucket, after })
    }

    fn look_up(&self, _info_hash: &InfoHash) -> Option<Torrent> {
        None
    }

    fn merge(&self, _heard: &Torrent) -> Merged {
        Merged::AsHeard
    }
}

impl Host for Buckets {
    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        black_box((info_hash, peer));
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        black_box((info_hash, peer));
    }

    fn torrents(&self) -> Option<&dyn Torrents> {
        Some(self)
    }
}
