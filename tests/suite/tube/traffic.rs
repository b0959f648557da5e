//! Sent packets, in numbers and in words.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use livesync::unstable::wire::{self, Frame};
use livesync::{InfoHash, Torrent, TrackerId};

/// Packets for scrape sync, of all nodes together and without retransmissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub beacons: u64,
    pub inquiries: u64,
    /// Tell packets, and the records in them.
    pub tells: u64,
    pub torrents_sent: u64,
    /// Number of tellings that nodes began.
    pub tellings: u64,
    /// How often a node looked up each torrent to tell it back.
    pub told_back: BTreeMap<InfoHash, u64>,
}

impl Traffic {
    /// Returns the difference to `before`.
    pub fn since(&self, before: &Self) -> Self {
        let told_back = self.told_back.iter().filter_map(|(hash, times)| {
            let times = times - before.told_back.get(hash).unwrap_or(&0);
            (times > 0).then_some((*hash, times))
        });
        Self {
            beacons: self.beacons - before.beacons,
            inquiries: self.inquiries - before.inquiries,
            tells: self.tells - before.tells,
            torrents_sent: self.torrents_sent - before.torrents_sent,
            tellings: self.tellings - before.tellings,
            told_back: told_back.collect(),
        }
    }
}

/// A packet for scrape sync, and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub at: Duration,
    pub by: usize,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Beacon(u64),
    Inquire(TrackerId),
    ScrapeTell(Vec<Torrent>),
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:12.6} s  node {}: ", self.at.as_secs_f64(), self.by)?;
        match &self.what {
            What::Beacon(torrents) => write!(f, "beacon, {torrents} torrents"),
            What::Inquire(target) => write!(f, "inquire {target}"),
            What::ScrapeTell(torrents) => write!(f, "tell, {} torrents", torrents.len()),
        }
    }
}

/// A packet, by its sender, epoch and sequence number.
pub type Number = (TrackerId, u32, u32);

/// A packet that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Duration,
    pub by: usize,
    pub kind: Kind,
    pub number: Option<Number>,
    pub bytes: Rc<[u8]>,
}

/// The role of a packet in loss repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It has a sequence number, and is sent for the first time.
    First,
    Retransmission,
    Heartbeat,
    Nak,
    Other,
}

impl Sent {
    pub fn new(at: Duration, by: usize, bytes: &Rc<[u8]>, frame: &Frame<'_>) -> Self {
        let number = number(frame);
        let kind = match frame.packet {
            wire::Packet::Heartbeat(_) => Kind::Heartbeat,
            wire::Packet::Nak(_) => Kind::Nak,
            _ if frame.retransmitted => Kind::Retransmission,
            _ if number.is_some() => Kind::First,
            _ => Kind::Other,
        };
        let bytes = bytes.clone();
        Self {
            at,
            by,
            kind,
            number,
            bytes,
        }
    }
}

/// Returns the number of a packet, if it has one.
pub fn number(frame: &Frame<'_>) -> Option<Number> {
    let trailer = frame.trailer.filter(|trailer| trailer.seq > 0)?;
    Some((frame.header.id, trailer.epoch, trailer.seq))
}

/// All sent packets, where they arrived, and which of the numbered packets each node has used.
#[derive(Debug, Default)]
pub struct Ledger {
    pub sent: Vec<Sent>,
    pub arrived: Vec<(usize, Rc<[u8]>)>,
    pub used: Vec<HashSet<Number>>,
    /// True if an attacker forges packets, so that two may have one number.
    pub forged: bool,
}

impl Ledger {
    /// Notes that a node uses a packet, which must not happen twice.
    pub fn uses(&mut self, node: usize, number: Number) {
        if self.used.len() <= node {
            self.used.resize_with(node + 1, HashSet::new);
        }
        let new = self.used[node].insert(number);
        assert!(new || self.forged, "node {node} has used {number:?} twice");
    }

    /// A node restarts, and forgets which packets it has used.
    pub fn starts_again(&mut self, node: usize) {
        if let Some(used) = self.used.get_mut(node) {
            used.clear();
        }
    }

    /// Returns the packets of this kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| sent.kind == kind)
    }
}
