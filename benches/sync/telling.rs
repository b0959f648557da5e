//! Telling: the time that a tell takes, the worst of them, and what it costs with all that
//! our thread does for it.

use std::thread;
use std::time::{Duration, Instant};

use livesync::{InfoHash, Peer};

use crate::baseline::Teller;
use crate::clocks::time;
use crate::{ROUNDS, announce, ours, row};

/// Distinct peers, so that making them is not measured.
const PEERS: u32 = 4096;

type Tell<'a> = &'a (dyn Fn(&InfoHash, &Peer) + Sync);

pub fn run(records: usize) {
    let port = 20_000 + (std::process::id() % 5000) as u16;
    let teller = Teller::new(port);
    let baseline: Tell<'_> = &|info_hash, peer| teller.tell(info_hash, peer);
    let node = ours::node(port + 1);
    let ours: Tell<'_> = &|info_hash, peer| {
        let _ = node.announce(*info_hash, *peer);
    };
    let peers: Vec<_> = (0..PEERS).map(announce).collect();
    for threads in [1, 2] {
        let (mut walls, mut processors) = ([vec![], vec![]], [vec![], vec![]]);
        for _ in 0..ROUNDS {
            for (way, tell) in [baseline, ours].into_iter().enumerate() {
                let (wall, processor) = time(|| tell_all(tell, &peers, records, threads));
                walls[way].push(wall.as_secs_f64() * 1e9 / records as f64);
                processors[way].push(processor.as_secs_f64() * 1e7 / (threads * records) as f64);
                thread::sleep(Duration::from_millis(300));
            }
        }
        let [baseline, ours] = walls;
        row(
            &format!("tell, {threads} thread(s), wall per call"),
            "ns",
            baseline,
            ours,
        );
        let [baseline, ours] = processors;
        let what = format!("processor per 10 million told, {threads} thread(s)");
        row(&what, "s", baseline, ours);
    }
    let mut worst = [vec![], vec![]];
    for _ in 0..ROUNDS {
        for (way, tell) in [baseline, ours].into_iter().enumerate() {
            worst[way].push(worst_of(tell, &peers, records / 10));
        }
    }
    let [baseline, ours] = worst;
    row("tell, p99.99", "ns", baseline, ours);
}

fn tell_all(tell: Tell<'_>, peers: &[(InfoHash, Peer)], records: usize, threads: usize) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for (info_hash, peer) in peers.iter().cycle().take(records) {
                    tell(info_hash, peer);
                }
            });
        }
    });
}

/// The longest of 10,000 tells but for one. They come in a pace that a busy tracker has.
fn worst_of(tell: Tell<'_>, peers: &[(InfoHash, Peer)], records: usize) -> f64 {
    let mut took: Vec<_> = peers
        .iter()
        .cycle()
        .take(records)
        .map(|(info_hash, peer)| {
            let start = Instant::now();
            tell(info_hash, peer);
            start.elapsed().as_nanos() as u64
        })
        .collect();
    took.sort_unstable();
    took[took.len() - 1 - took.len() / 10_000] as f64
}
