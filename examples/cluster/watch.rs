//! Measures which peers the trackers know, and how long they took to learn of them.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread;
use std::time::{Duration, Instant};

use crate::bep15::{Client, Scraped};
use crate::peer::Peer;
use crate::screen::ms;
use crate::table::{Column, Table};

/// The state that all trackers shall reach.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Known,
    Gone,
}

/// Watches trackers by scrapes, which change nothing there, and measures how long each takes to
/// show the expected state of each peer.
pub struct Watch {
    observers: Vec<Client>,
    peers: Vec<Peer>,
    expect: Expect,
    table: Table,
}

/// Pause between two scrapes.
pub const POLL: Duration = Duration::from_millis(3);
/// Time limit for an announce to reach all trackers.
pub const LIMIT: Duration = Duration::from_secs(5);

impl Watch {
    /// Connects to the trackers; no time runs yet.
    pub fn new(trackers: &[SocketAddrV4], peers: &[Peer], expect: Expect) -> Result<Watch, String> {
        let news = match expect {
            Expect::Known => "known to",
            Expect::Gone => "gone from",
        };
        let columns = (1..=trackers.len()).map(|number| {
            let tracker = format!("tracker {number}");
            Column::of_times(&tracker, format!("{news} {tracker}"))
        });
        let names = peers.iter().map(Peer::name).collect();
        Ok(Watch {
            observers: trackers
                .iter()
                .copied()
                .map(observe)
                .collect::<Result<_, _>>()?,
            peers: peers.to_vec(),
            expect,
            table: Table::new(&format!("time until {news}"), columns.collect(), names),
        })
    }

    /// Starts the peer's time: a tracker has just answered its announce.
    pub fn note_announced(&mut self, peer: usize) {
        (0..self.observers.len()).for_each(|column| self.table.wait(peer, column));
    }

    /// Scrapes for this long.
    pub fn look_for(&mut self, time: Duration) -> Result<(), String> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look()?;
        }
        Ok(())
    }

    /// Scrapes until all trackers show the expected state of all peers.
    pub fn look_until_settled(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + LIMIT;
        while (0..self.observers.len()).any(|column| self.table.open(column).next().is_some()) {
            if Instant::now() >= deadline {
                return Err(self.what_is_missing());
            }
            self.look()?;
        }
        Ok(())
    }

    /// Returns a line about the trackers that learned from others: all but the first.
    pub fn summary(&self) -> String {
        let others = 1..self.observers.len();
        let expected = self.peers.len() * others.len();
        let mut times: Vec<Duration> = others.flat_map(|column| self.table.times(column)).collect();
        times.sort();
        let change = match self.expect {
            Expect::Known => "arrivals",
            Expect::Gone => "departures",
        };
        let count = format!(
            "{} of {expected} {change} at the other trackers",
            times.len()
        );
        match times.last() {
            Some(&worst) => {
                let median = times[times.len() / 2];
                format!("{count}: median {}, worst {}", ms(median), ms(worst))
            }
            None => count,
        }
    }

    fn look(&mut self) -> Result<(), String> {
        for (column, observer) in self.observers.iter_mut().enumerate() {
            let known = known(observer, &self.peers)
                .map_err(|e| format!("scrape of tracker {}: {e}", column + 1))?;
            for (row, known) in known.into_iter().enumerate() {
                if known == (self.expect == Expect::Known) {
                    self.table.done(row, column);
                }
            }
        }
        self.table.refresh();
        thread::sleep(POLL);
        Ok(())
    }

    fn what_is_missing(&self) -> String {
        let still = match self.expect {
            Expect::Known => "does not know",
            Expect::Gone => "still knows",
        };
        let mut lines = Vec::new();
        for column in 0..self.observers.len() {
            let open: Vec<&str> = self.table.open(column).collect();
            if !open.is_empty() {
                lines.push(format!(
                    "tracker {} {still} {} of {} peers after {} s: {}",
                    column + 1,
                    open.len(),
                    self.peers.len(),
                    LIMIT.as_secs(),
                    open.join(", ")
                ));
            }
        }
        lines.join("\n")
    }
}

/// Returns an error unless all these trackers know all these peers now.
pub fn check_all_known(trackers: &[SocketAddrV4], peers: &[Peer]) -> Result<(), String> {
    for &tracker in trackers {
        let known = known(&mut observe(tracker)?, peers)
            .map_err(|e| format!("scrape of {tracker}: {e}"))?;
        if let Some(lost) = known.iter().position(|known| !known) {
            return Err(format!(
                "{tracker} does not know {} any more",
                peers[lost].name()
            ));
        }
    }
    Ok(())
}

/// Makes a client that scrapes a tracker.
pub fn observe(tracker: SocketAddrV4) -> Result<Client, String> {
    Client::connect(Ipv4Addr::LOCALHOST, tracker).map_err(|e| format!("{tracker}: {e}"))
}

/// Returns which of the peers a tracker counts, each being the only one of its kind in its
/// torrent.
fn known(observer: &mut Client, peers: &[Peer]) -> io::Result<Vec<bool>> {
    let info_hashes: Vec<[u8; 20]> = peers.iter().map(|peer| peer.info_hash).collect();
    let counts = observer.scrape(&info_hashes)?;
    let is_known = |(peer, count): (&Peer, Scraped)| {
        let of_its_kind = if peer.seeding {
            count.seeders
        } else {
            count.leechers
        };
        of_its_kind == 1
    };
    Ok(peers.iter().zip(counts).map(is_known).collect())
}
