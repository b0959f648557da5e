//! The peers of the demonstration, and what the trackers know of them.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread;
use std::time::{Duration, Instant};

use crate::bep15::{Announce, Announced, Client, Event, Scraped};
use crate::table::{Table, ms};

/// A peer that announces itself from a loopback address of its own.
#[derive(Clone, Copy)]
pub struct Peer {
    pub address: SocketAddrV4,
    info_hash: [u8; 20],
    peer_id: [u8; 20],
    seeding: bool,
}

/// What the trackers shall come to show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Known,
    Gone,
}

/// Looks at trackers by scraping them, which changes nothing there, and measures how long each
/// takes to show what is expected of each peer.
pub struct Watch {
    observers: Vec<Client>,
    peers: Vec<Peer>,
    expect: Expect,
    table: Table,
}

const POLL: Duration = Duration::from_millis(3);
const LIMIT: Duration = Duration::from_secs(5);

impl Peer {
    /// Peers differ in their number, and know each other when they are in the same torrent.
    pub fn new(number: u8, torrent: u8, seeding: bool) -> Peer {
        let mut info_hash = *b"livesync example ...";
        info_hash[17..].copy_from_slice(format!("{torrent:03}").as_bytes());
        let mut peer_id = *b"-LS0100-example peer";
        peer_id[17..].copy_from_slice(format!("{number:03}").as_bytes());
        let address = SocketAddrV4::new(Ipv4Addr::new(127, 0, 1, number), 6880 + u16::from(number));
        Peer {
            address,
            info_hash,
            peer_id,
            seeding,
        }
    }

    /// Tells one tracker of the peer.
    pub fn announce(&self, tracker: SocketAddrV4, event: Event) -> Result<Announced, String> {
        let announce = Announce {
            info_hash: self.info_hash,
            peer_id: self.peer_id,
            left: u64::from(!self.seeding),
            event,
            port: self.address.port(),
            num_want: -1,
        };
        Client::connect(*self.address.ip(), tracker)
            .and_then(|mut client| client.announce(&announce))
            .map_err(|e| format!("announce of {} to {tracker}: {e}", self.address))
    }

    fn name(&self) -> String {
        let role = if self.seeding { "seeder" } else { "leecher" };
        format!("{} {role}", self.address)
    }
}

impl Watch {
    /// Begins to look at the trackers; nothing is waited for yet.
    pub fn new(trackers: &[SocketAddrV4], peers: &[Peer], expect: Expect) -> Result<Watch, String> {
        let news = match expect {
            Expect::Known => "known to",
            Expect::Gone => "gone from",
        };
        let names = peers.iter().map(Peer::name).collect();
        Ok(Watch {
            observers: trackers
                .iter()
                .copied()
                .map(observe)
                .collect::<Result<_, _>>()?,
            peers: peers.to_vec(),
            expect,
            table: Table::new(news, names, trackers.len()),
        })
    }

    /// The peer's announce was just answered: its time runs.
    pub fn told(&mut self, peer: usize) {
        self.table.wait(peer);
    }

    /// Looks for so long.
    pub fn look_for(&mut self, time: Duration) -> Result<(), String> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look()?;
        }
        Ok(())
    }

    /// Looks until all trackers show what is expected of all peers.
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

    /// A line on what the trackers that were not told, all but the first, have come to show.
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

/// An error unless all these trackers know all these peers now.
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

fn observe(tracker: SocketAddrV4) -> Result<Client, String> {
    Client::connect(Ipv4Addr::LOCALHOST, tracker).map_err(|e| format!("{tracker}: {e}"))
}

/// Which of the peers a tracker counts, each being the only one of its kind in its torrent.
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
