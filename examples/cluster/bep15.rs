//! A small client for the UDP tracker protocol (BEP 15): connect, announce, scrape.
//!
//! The client repeats an unanswered request after 250 ms, 500 ms, 1 s and 2 s, and waits 4 s
//! for the answer to the last one. A tracker's error reply becomes an [`io::Error`] with the
//! tracker's words. All numbers on the wire are big endian.

// Several programs share this file, and each uses only a part of it.
#![allow(dead_code)]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

/// One peer's view of one tracker: a local address and a connection id.
pub struct Client {
    socket: UdpSocket,
    connection_id: [u8; 8],
    connected: Instant,
    transaction_id: u32,
}

/// The parameters of an announce request: one peer in one torrent.
#[derive(Clone, Copy, Debug)]
pub struct Announce {
    pub info_hash: [u8; 20],
    pub peer_id: [u8; 20],
    /// Bytes still to download; 0 makes the peer a seeder.
    pub left: u64,
    pub event: Event,
    /// The peer's listening port; its address is the one that [`Client::connect`] bound to.
    pub port: u16,
    /// Maximum number of peers in the answer; -1 leaves it to the tracker.
    pub num_want: i32,
}

/// The event that an announce reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// No event: a regular announce after the interval.
    None = 0,
    Completed = 1,
    Started = 2,
    Stopped = 3,
}

/// The tracker's answer to an announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Seconds until the tracker expects the peer's next announce.
    pub interval: u32,
    pub leechers: u32,
    pub seeders: u32,
    pub peers: Vec<SocketAddrV4>,
}

/// The tracker's counts of one torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scraped {
    pub seeders: u32,
    pub completed: u32,
    pub leechers: u32,
}

const ACTION_CONNECT: u32 = 0;
const ACTION_ANNOUNCE: u32 = 1;
const ACTION_SCRAPE: u32 = 2;
const ACTION_ERROR: u32 = 3;

/// Magic number that a connect request has in place of the connection id.
const PROTOCOL_ID: [u8; 8] = 0x0417_2710_1980_u64.to_be_bytes();
/// Time for which a client may use a connection id.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);
/// Number of `info_hashes` that fit into one scrape request.
const SCRAPE_MAX: usize = 74;

const FIRST_TIMEOUT: Duration = Duration::from_millis(250);
const TRIES: u32 = 5;

impl Client {
    /// Takes a free UDP port on the local address `bind` and connects to `tracker`.
    pub fn connect(bind: Ipv4Addr, tracker: SocketAddrV4) -> io::Result<Client> {
        let socket = UdpSocket::bind(SocketAddrV4::new(bind, 0))?;
        // From here on the kernel drops packets from any other address.
        socket.connect(tracker)?;
        let mut client = Client {
            socket,
            connection_id: PROTOCOL_ID,
            connected: Instant::now(),
            transaction_id: RandomState::new().build_hasher().finish() as u32,
        };
        client.reconnect()?;
        Ok(client)
    }

    /// Announces a peer to the tracker and returns other peers of the same torrent.
    pub fn announce(&mut self, announce: &Announce) -> io::Result<Announced> {
        let mut body = Vec::with_capacity(82);
        body.extend(announce.info_hash);
        body.extend(announce.peer_id);
        body.extend(0_u64.to_be_bytes()); // downloaded
        body.extend(announce.left.to_be_bytes());
        body.extend(0_u64.to_be_bytes()); // uploaded
        body.extend((announce.event as u32).to_be_bytes());
        body.extend(0_u32.to_be_bytes()); // address: the tracker uses the source address
        body.extend(0_u32.to_be_bytes()); // key
        body.extend(announce.num_want.to_be_bytes());
        body.extend(announce.port.to_be_bytes());

        let reply = self.request(ACTION_ANNOUNCE, &body)?;
        let Some(([interval, leechers, seeders], peers)) = numbers(&reply) else {
            return Err(malformed("announce", &reply));
        };
        let (peers, rest) = peers.as_chunks::<6>();
        if !rest.is_empty() {
            return Err(malformed("announce", &reply));
        }
        let peers = peers.iter().map(compact_peer).collect();
        Ok(Announced {
            interval,
            leechers,
            seeders,
            peers,
        })
    }

    /// Requests the counts of torrents, which the tracker does not change by it. The answer is
    /// in the order of `info_hashes`.
    pub fn scrape(&mut self, info_hashes: &[[u8; 20]]) -> io::Result<Vec<Scraped>> {
        let mut all = Vec::with_capacity(info_hashes.len());
        for chunk in info_hashes.chunks(SCRAPE_MAX) {
            let reply = self.request(ACTION_SCRAPE, chunk.as_flattened())?;
            if reply.len() != 12 * chunk.len() {
                return Err(malformed("scrape", &reply));
            }
            let mut rest = &reply[..];
            while let Some(([seeders, completed, leechers], behind)) = numbers(rest) {
                all.push(Scraped {
                    seeders,
                    completed,
                    leechers,
                });
                rest = behind;
            }
        }
        Ok(all)
    }

    fn request(&mut self, action: u32, body: &[u8]) -> io::Result<Vec<u8>> {
        if self.connected.elapsed() >= CONNECTION_LIFETIME {
            self.reconnect()?;
        }
        self.exchange(action, body)
    }

    fn reconnect(&mut self) -> io::Result<()> {
        self.connection_id = PROTOCOL_ID;
        let sent = Instant::now();
        let reply = self.exchange(ACTION_CONNECT, &[])?;
        self.connection_id = reply[..]
            .try_into()
            .map_err(|_| malformed("connect", &reply))?;
        self.connected = sent;
        Ok(())
    }

    /// Sends a request until it is answered, and returns the answer without its header.
    fn exchange(&mut self, action: u32, body: &[u8]) -> io::Result<Vec<u8>> {
        self.transaction_id = self.transaction_id.wrapping_add(1);
        let mut packet = Vec::with_capacity(16 + body.len());
        packet.extend(self.connection_id);
        packet.extend(action.to_be_bytes());
        packet.extend(self.transaction_id.to_be_bytes());
        packet.extend(body);

        for attempt in 0..TRIES {
            self.socket.send(&packet)?;
            let deadline = Instant::now() + FIRST_TIMEOUT * 2_u32.pow(attempt);
            if let Some(reply) = self.receive(action, deadline)? {
                return Ok(reply);
            }
        }
        let tracker = self.socket.peer_addr()?;
        Err(io::Error::new(
            ErrorKind::TimedOut,
            format!("no answer from tracker {tracker}"),
        ))
    }

    /// Waits for the answer to the current transaction, and skips late answers to earlier ones.
    fn receive(&self, action: u32, deadline: Instant) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = [0; 65_536];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            let length = match self.socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if is_no_answer_yet(&error) => continue,
                Err(error) => return Err(error),
            };
            let Some(([replied, transaction_id], rest)) = numbers(&buffer[..length]) else {
                continue;
            };
            if transaction_id != self.transaction_id {
                continue;
            }
            if replied == ACTION_ERROR {
                return Err(io::Error::other(String::from_utf8_lossy(rest).into_owned()));
            }
            if replied != action {
                return Err(malformed("unexpected", rest));
            }
            return Ok(Some(rest.to_vec()));
        }
    }
}

/// Returns the first N numbers of 4 bytes, and the bytes behind them.
fn numbers<const N: usize>(bytes: &[u8]) -> Option<([u32; N], &[u8])> {
    let (head, rest) = bytes.split_at_checked(4 * N)?;
    let mut numbers = [0; N];
    for (number, bytes) in numbers.iter_mut().zip(head.as_chunks().0) {
        *number = u32::from_be_bytes(*bytes);
    }
    Some((numbers, rest))
}

fn compact_peer(&[a, b, c, d, high, low]: &[u8; 6]) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]))
}

fn is_no_answer_yet(error: &io::Error) -> bool {
    // A timeout is WouldBlock on some systems and TimedOut on others.
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

fn malformed(action: &str, body: &[u8]) -> io::Error {
    let length = body.len();
    let what = format!("malformed {action} reply: {length} bytes behind its header");
    io::Error::new(ErrorKind::InvalidData, what)
}
