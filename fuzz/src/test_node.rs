//! A node under test, and the books about its input and output.

use std::net::SocketAddr;
use std::time::Duration;

use livesync::unstable::Time;
use livesync::unstable::protocol::{LinkInfo, Node, Received, Source, Transmit};
use livesync::unstable::wire::{Frame, Packet};
use livesync::{Announce, Config, Cursor, InfoHash, Merged, Task, Torrent, TrackerId};

/// Monotonic time at the start.
const CLOCK_BEGINS: Duration = Duration::from_secs(10 * 24 * 3600);

/// Wall-clock time at the start, since 1970.
const WALL_BEGINS: Duration = Duration::from_secs(1_780_000_000);

/// A node without a receive thread: the test makes all its calls.
pub struct TestNode {
    pub protocol: Node,
    pub now: Time,
    pub address: SocketAddr,
    tasks: Vec<Task>,
    books: Books,
}

/// Counts of a node's input and output.
#[derive(Default)]
struct Books {
    packets_in: u64,
    bytes_in: u64,
    rejected: u64,
    /// Lists with an incomplete record at the end.
    tails: u64,
    /// Torrent records with impossible counts.
    bad_counts: u64,
    records_heard: u64,
    records_announced: u64,
    taken: u64,
    given_back: u64,
    torrents_heard: u64,
}

impl TestNode {
    pub fn new(number: u8, id: TrackerId, config: &Config) -> Self {
        let now = Time::START + CLOCK_BEGINS;
        let address = SocketAddr::from(([10, 0, 0, number], 9696));
        let mut node = Node::new(now, id, &[LinkInfo::multicast_ipv4(address)], u64::from(number), config);
        node.set_unix_time(now, WALL_BEGINS);
        Self {
            protocol: node,
            now,
            address,
            tasks: Vec::new(),
            books: Books::default(),
        }
    }

    pub fn announce(&mut self, announce: Announce) {
        self.books.records_announced += 1;
        self.protocol.announce(self.now, announce);
    }

    /// Receives a datagram and applies it, as the engine does.
    pub fn hear(&mut self, source: Source, datagram: &[u8]) {
        self.books.packets_in += 1;
        self.books.bytes_in += datagram.len() as u64;
        let Ok(received) = self.protocol.handle_datagram(self.now, source, datagram) else {
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
                self.protocol.handle_merged(self.now, &merged);
            }
        }
    }

    /// Does all due work; afterwards none is left.
    pub fn tick(&mut self) {
        self.protocol.handle_timeout(self.now);
        assert!(self.protocol.poll_timeout() > self.now, "a busy loop");
    }

    /// Advances the time to the next deadline, and does the work.
    pub fn sleep(&mut self) {
        let due = self.protocol.poll_timeout();
        if due != Time::NEVER {
            self.now = self.now.max(due);
        }
        self.tick();
    }

    /// Returns the next packet to send.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        let has = self.protocol.has_transmit();
        let taken = self.protocol.poll_transmit();
        assert_eq!(taken.is_some(), has);
        let taken = taken?;
        self.books.taken += 1;
        self.is_sound(&taken);
        Some(taken.as_ref().to_vec())
    }

    /// Takes the next packet and puts it back, as if the network did not accept it.
    pub fn take_and_put_back(&mut self) {
        if let Some(taken) = self.protocol.poll_transmit() {
            self.books.taken += 1;
            self.books.given_back += 1;
            self.protocol.put_back(taken);
        }
    }

    /// Takes the questions for the host, which may answer later.
    pub fn take_tasks(&mut self) {
        self.tasks.extend(self.protocol.poll_task());
    }

    /// Lets the host answer one of the questions, with any `number`.
    pub fn answer(&mut self, which: usize, number: u16) {
        if self.tasks.is_empty() {
            return;
        }
        match self.tasks.swap_remove(which % self.tasks.len()) {
            Task::CountTorrents => self.protocol.handle_torrent_count(self.now, number.into()),
            Task::Walk { cursor, limit } => {
                let found = limit.min(usize::from(number >> 4));
                let hashes = (0..found).map(|at| InfoHash([at as u8; 20]));
                let torrents: Vec<_> = hashes.map(|hash| torrent(hash, number)).collect();
                let next = Cursor {
                    bucket: cursor.bucket.wrapping_add(1),
                    after: None,
                };
                let next = (number % 4 > 0).then_some(next);
                self.protocol.handle_walked(&torrents, next);
            }
            Task::LookUp(hashes) => {
                let known = hashes
                    .iter()
                    .filter(|hash| u16::from(hash.0[0]) >= number % 256);
                let torrents: Vec<_> = known.map(|hash| torrent(*hash, number)).collect();
                self.protocol.handle_looked_up(&torrents);
            }
        }
    }

    /// Takes all waiting packets, and checks that the books balance.
    pub fn balances(&mut self) {
        while self.take().is_some() {}
        let (books, counters) = (&self.books, self.protocol.counters());
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
        // A retransmission leaves under the id by which the NAK requested it.
        assert!(frame.retransmitted || frame.header.id == self.protocol.id());
    }
}

/// Returns one of all possible results of a merge.
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
