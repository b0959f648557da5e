//! Downloads that complete, and the trackers' counts of them.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::bep15::{Client, Event};
use crate::peer::{self, Peer};
use crate::watch::observe;

/// How often each torrent is downloaded; the first torrent has the number 1. Never 0, because a
/// scrape shows no difference between a torrent without downloads and an unknown one.
pub const DOWNLOADS: [u32; 8] = [3, 1, 4, 1, 5, 9, 2, 6];

/// One tracker's counts: the downloads of each torrent.
pub type Counts = [u32; DOWNLOADS.len()];

/// Reads the trackers' counts by scrapes, which change nothing there.
pub struct Counters(Vec<Client>);

/// Returns the number of all downloads.
pub fn total() -> u32 {
    DOWNLOADS.iter().sum()
}

/// Completes all downloads, each by another peer that announces itself to this tracker only,
/// and then leaves.
pub fn complete(tracker: SocketAddrV4) -> Result<(), String> {
    let torrents = (1..).zip(DOWNLOADS);
    let downloads = torrents.flat_map(|(torrent, times)| (0..times).map(move |_| torrent));
    for (number, torrent) in (101..).zip(downloads) {
        let peer = Peer::new(number, torrent, true);
        peer.announce(tracker, Event::Completed)?;
        peer.announce(tracker, Event::Stopped)?;
    }
    Ok(())
}

impl Counters {
    /// Connects to the trackers.
    pub fn new(trackers: &[SocketAddrV4]) -> Result<Counters, String> {
        let observers = trackers.iter().copied().map(observe);
        Ok(Counters(observers.collect::<Result<_, _>>()?))
    }

    /// Returns the current counts of each tracker.
    pub fn read(&mut self) -> Result<Vec<Counts>, String> {
        let torrents: Vec<[u8; 20]> = (1..)
            .take(DOWNLOADS.len())
            .map(peer::info_hash_of)
            .collect();
        let read = |(index, observer): (usize, &mut Client)| {
            let scraped = observer
                .scrape(&torrents)
                .map_err(|e| format!("scrape of tracker {}: {e}", index + 1))?;
            let mut counts = Counts::default();
            for (count, scraped) in counts.iter_mut().zip(scraped) {
                *count = scraped.completed;
            }
            Ok(counts)
        };
        self.0.iter_mut().enumerate().map(read).collect()
    }
}

/// Names the trackers whose counts are still wrong after this time.
pub fn what_is_wrong(counted: &[Counts], after: Duration) -> String {
    let mut lines = Vec::new();
    for (tracker, counts) in (1..).zip(counted) {
        let wrong: Vec<String> = (1..)
            .zip(counts.iter().zip(DOWNLOADS))
            .filter(|&(_, (&counted, right))| counted != right)
            .map(|(torrent, (counted, right))| {
                format!("{counted} downloads of torrent {torrent}, not {right}")
            })
            .collect();
        if !wrong.is_empty() {
            let (after, wrong) = (after.as_secs_f32(), wrong.join("; "));
            lines.push(format!(
                "tracker {tracker} does not count right after {after} s: {wrong}"
            ));
        }
    }
    lines.join("\n")
}
