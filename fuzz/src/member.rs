//! A node under test, and the books that are kept beside it.

use std::net::SocketAddr;
use std::time::Duration;

use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source, Transmit};
use livesync::unstable::wire::{Frame, Packet};
use livesync::{Announce, Config, Cursor, InfoHash, Merged, Task, Torrent, TrackerId};

/// Where every clock stands at the begin.
const CLOCK_BEGINS: Duration = Duration::from_secs(10 * 24 * 3600);

/// What the clock on the wall shows then, since 1970.
const WALL_BEGINS: Duration = Duration::from_secs(1_780_000_000);

/// A node, driven by hand.
pub struct Member {
    pub node: Node,
    pub now: Time,
    pub address: SocketAddr,
    tasks: Vec<Task>,
    books: Books,
}

/// What went into a node and came out of it.
#[derive(Default)]
struct Books {
    packets_in: u64,
    bytes_in: u64,
    rejected: u64,
    /// Lists with an incomplete record behind the last one.
    tails: u64,
    /// Records of torrents that cannot be.
    bad_counts: u64,
    records_heard: u64,
    records_announced: u64,
    taken: u64,
    given_back: u64,
    torrents_heard: u64,
}

impl Member {
    pub fn new(number: u8, id: TrackerId, config: &Config) -> Self {
        let now = Time::START + CLOCK_BEGINS;
        let address = SocketAddr::from(([10, 0, 0, number], 9696));
        let mut node = Node::new(now, id, &[LinkInfo::multicast_ipv4(address)], u64::from(number), config);
        node.set_unix_time(now, WALL_BEGINS);
        Self {
            node,
            now,
            address,
            tasks: Vec::new(),
            books: Books::default(),
        }
    }

    pub fn announce(&mut self, announce: Announce) {
        self.books.records_announced += 1;
        self.node.announce(self.now, announce);
    }

    /// A datagram arrives, and is used as an engine uses it.
    pub fn hear(&mut self, source: Source, datagram: &[u8]) {
        self.books.packets_in += 1;
        self.books.bytes_in += datagram.len() as u64;
        let Ok(received) = self.node.handle_datagram(self.now, source, datagram) else {
            self.books.rejected += 1;
            return;
        };
        let frame = Frame::parse(datagram).expect("it was read");
        let tail = match &frame.packet {
            Packet::Live(peers) => peers.tail(),
            Packet::ScrapeTell(torrents) => torrents.tail(),
            _ => &[],
        };
        self.books.tails += u64::from(!tail.is_empty());
        if let Packet::ScrapeTell(torrents) = frame.packet {
            let bad = torrents.filter(|torrent| !torrent.is_plausible());
            self.books.bad_counts += bad.count() as u64;
        }
        match received {
            Received::Nothing => {}
            Received::Peers(peers) => self.books.records_heard += peers.count() as u64,
            Received::Late(announces) => self.books.records_heard += announces.len() as u64,
            Received::Torrents(torrents) => {
                let merged: Vec<_> = torrents.map(|torrent| merge(&torrent)).collect();
                self.books.torrents_heard += merged.len() as u64;
                self.node.handle_merged(self.now, &merged);
            }
        }
    }

    /// It is time for what is due; afterwards nothing is.
    pub fn tick(&mut self) {
        self.node.handle_timeout(self.now);
        assert!(self.node.poll_timeout() > self.now, "a busy loop");
    }

    /// Goes on to when something is due, and does that.
    pub fn sleep(&mut self) {
        let due = self.node.poll_timeout();
        if due != Time::NEVER {
            self.now = self.now.max(due);
        }
        self.tick();
    }

    /// Takes the next packet to send.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let has = self.node.has_transmit();
        let taken = self.node.poll_transmit();
        assert_eq!(taken.is_some(), has);
        let taken = taken?;
        self.books.taken += 1;
        self.is_sound(&taken);
        Some(taken.as_ref().to_vec())
    }

    /// The network does not take the next packet now.
    pub fn take_and_put_back(&mut self) {
        if let Some(taken) = self.node.poll_transmit() {
            self.books.taken += 1;
            self.books.given_back += 1;
            self.node.put_back(taken);
        }
    }

    /// Asks the host, which may answer later.
    pub fn ask(&mut self) {
        self.tasks.extend(self.node.poll_task());
    }

    /// The host answers one of the questions: `number` is all it has to say.
    pub fn answer(&mut self, which: usize, number: u16) {
        if self.tasks.is_empty() {
            return;
        }
        match self.tasks.swap_remove(which % self.tasks.len()) {
            Task::CountTorrents => self.node.handle_torrent_count(self.now, number.into()),
            Task::Walk { cursor, limit } => {
                let found = limit.min(usize::from(number >> 4));
                let hashes = (0..found).map(|at| InfoHash([at as u8; 20]));
                let torrents: Vec<_> = hashes.map(|hash| torrent(hash, number)).collect();
                let next = Cursor {
                    bucket: cursor.bucket.wrapping_add(1),
                    after: None,
                };
                let next = (number % 4 > 0).then_some(next);
                self.node.handle_walked(&torrents, next);
            }
            Task::LookUp(hashes) => {
                let known = hashes
                    .iter()
                    .filter(|hash| u16::from(hash.0[0]) >= number % 256);
                let torrents: Vec<_> = known.map(|hash| torrent(*hash, number)).collect();
                self.node.handle_looked_up(&torrents);
            }
        }
    }

    /// All that waits is taken, and the books balance.
    pub fn balances(&mut self) {
        while self.take().is_some() {}
        let (books, counters) = (&self.books, self.node.counters());
        assert_eq!(counters.packets_in, books.packets_in);
        assert_eq!(counters.bytes_in, books.bytes_in);
        let dropped = books.rejected + books.tails + books.bad_counts;
        assert_eq!(counters.drops.total(), dropped);
        assert_eq!(counters.records_heard, books.records_heard);
        assert_eq!(counters.records_announced, books.records_announced);
        assert_eq!(counters.scrape.torrents_heard, books.torrents_heard);
        let sent = books.taken - books.given_back + counters.packets_overflowed;
        assert_eq!(counters.packets_out, sent, "{counters}");
    }

    fn is_sound(&self, datagram: &Transmit) {
        let datagram = datagram.as_ref();
        assert!(datagram.len() <= LinkInfo::MULTICAST_IPV4);
        let frame = Frame::parse(datagram).expect("a packet");
        // What is sent again leaves under the id by which somebody has asked for it.
        assert!(frame.retransmitted || frame.header.id == self.node.id());
    }
}

/// What becomes of a torrent that was heard: whatever there is.
fn merge(heard: &Torrent) -> (InfoHash, Merged) {
    let merged = match heard.downloaded % 3 {
        0 => Merged::AsHeard,
        1 => Merged::KnownBetter,
        _ => Merged::Failed,
    };
    (heard.info_hash, merged)
}

fn torrent(info_hash: InfoHash, number: u16) -> Torrent {
    Torrent {
        info_hash,
        base_offset: number.into(),
        downloaded: number.into(),
    }
}
