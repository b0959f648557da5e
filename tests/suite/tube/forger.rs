//! An attacker that sees all packets of the nodes, and forges their packets.

use std::net::{Ipv4Addr, SocketAddr};

use fastrand::Rng;
use livesync::TrackerId;
use livesync::unstable::wire::{Frame, Header, Heartbeat, Nak, PacketType, Trailer};

use super::cluster::{Cluster, STRANGER};
use super::test_node::address;
use crate::support::tag::tagged;

/// The key of the cluster, which a forger may know.
pub const KEY: [u8; 32] = [7; 32];

/// The progress of a node, as its packets show it.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: TrackerId,
    epoch: u32,
    highest: u32,
    sent: u32,
}

/// The forged packet types; each attack uses one of them, or all.
#[derive(Clone, Copy, Debug)]
enum What {
    Heartbeat,
    List,
    Retransmission,
    Nak,
    Beacon,
}

/// An attack. Everything else is drawn anew for each packet.
#[derive(Debug)]
pub struct Forger {
    rng: Rng,
    has_key: bool,
    victim: usize,
    /// One packet type, and one way to forge it; `None` stands for any.
    what: Option<What>,
    epoch: Option<u32>,
    number: Option<u32>,
    sent: Option<u32>,
    source: Option<u32>,
    /// True if the victim does not receive the forged packets.
    unheard: bool,
    forged: u32,
    seen: usize,
    known: Vec<Option<Known>>,
}

impl Forger {
    pub fn new(mut rng: Rng, has_key: bool, nodes: usize) -> Self {
        let fixed = |rng: &mut Rng| (rng.u32(0..3) > 0).then(|| rng.u32(..));
        Self {
            has_key,
            victim: rng.usize(0..nodes),
            what: (rng.u32(0..3) > 0).then(|| any(&mut rng)),
            epoch: fixed(&mut rng),
            number: fixed(&mut rng),
            sent: fixed(&mut rng),
            source: fixed(&mut rng),
            unheard: rng.bool(),
            forged: 0,
            seen: 0,
            known: vec![None; nodes],
            rng,
        }
    }

    /// Sends one packet to all nodes, or to all but the victim.
    pub fn attack(&mut self, cluster: &mut Cluster) {
        self.watch(cluster);
        let victim = match self.rng.u32(0..8) {
            0 => self.rng.usize(0..cluster.nodes.len()),
            _ => self.victim,
        };
        let Some(known) = self.known[victim] else {
            return;
        };
        let packet = self.packet(known);
        let source = self.source(victim, cluster.nodes.len());
        for to in 0..cluster.nodes.len() {
            if to != victim || !self.unheard {
                cluster.forge(to, source, &packet);
            }
        }
    }

    fn watch(&mut self, cluster: &Cluster) {
        let ledger = cluster.ledger.as_ref().expect("a ledger");
        for sent in &ledger.sent[self.seen..] {
            let frame = Frame::parse(&sent.bytes).expect("a packet");
            let Some(trailer) = frame.trailer.filter(|_| !frame.retransmitted) else {
                continue;
            };
            let before = self.known[sent.by].filter(|known| known.id == frame.header.id);
            let before = before.filter(|known| known.epoch == trailer.epoch);
            self.known[sent.by] = Some(Known {
                id: frame.header.id,
                epoch: trailer.epoch,
                highest: before.map_or(0, |known| known.highest).max(trailer.seq),
                sent: before.map_or(0, |known| known.sent).max(trailer.sent),
            });
        }
        self.seen = ledger.sent.len();
    }

    fn packet(&mut self, known: Known) -> Vec<u8> {
        let rng = &mut self.rng;
        let mut way = |fixed: Option<u32>, ways| fixed.unwrap_or_else(|| rng.u32(..)) % ways;
        let epoch = match way(self.epoch, 6) {
            0..3 => known.epoch,
            3 => known.epoch + 1,
            4 => known.epoch + 50,
            _ => known.epoch - 1,
        };
        let number = match way(self.number, 9) {
            0 => known.highest + 1,
            1 => known.highest + 2 + self.forged,
            2 => known.highest + 2 * self.forged,
            3 => known.highest + (1 << 17) - 1,
            4 => known.highest.saturating_add(self.forged << 16),
            5 => u32::MAX - 1,
            6 => known.highest.max(1),
            7 => known.highest / 2 + 1,
            _ => known.highest + 700,
        };
        let sent = match way(self.sent, 6) {
            0 => known.sent + 1,
            1 => known.sent + 900,
            2 => known.sent + 20_000,
            3 => u32::MAX,
            4 => 0,
            _ => known.sent / 2,
        };
        self.forged += 1;
        let what = self.what.unwrap_or_else(|| any(&mut self.rng));
        let Known { id, .. } = known;
        let list = |retransmitted: bool| {
            let header = Header::new(id, PacketType::Live);
            let header = if retransmitted {
                header.retransmitted()
            } else {
                header
            };
            let mut record = [0; 28];
            record[..4].copy_from_slice(&[0xee; 4]);
            record[4..8].copy_from_slice(&self.forged.to_be_bytes());
            record[20..].copy_from_slice(&[10, 9, 9, 9, 0x1a, 0xe1, 0x80, 0]);
            [&header.emit()[..], &record].concat()
        };
        let (packet, seq) = match what {
            What::Heartbeat => {
                let highest = number;
                (Heartbeat { epoch, highest }.emit(id).to_vec(), 0)
            }
            What::List => (list(false), number),
            What::Retransmission => (list(true), number),
            What::Nak => {
                let ranges = [
                    1..=known.highest + 1,
                    number.max(known.highest + 3)..=u32::MAX,
                ];
                let from = TrackerId(self.forged.to_be_bytes());
                (Nak::emit(from, id, epoch, &ranges), 0)
            }
            What::Beacon => {
                let header = Header::new(id, PacketType::ScrapeBeacon).emit();
                ([&header[..], &[0; 8]].concat(), 0)
            }
        };
        self.seal(&packet, epoch, sent, seq)
    }

    fn seal(&self, packet: &[u8], epoch: u32, sent: u32, seq: u32) -> Vec<u8> {
        let trailer = Trailer {
            epoch,
            sent,
            seq,
            ..Trailer::default()
        };
        if self.has_key {
            return tagged(&KEY, "livesync", packet, trailer);
        }
        [packet, &trailer.emit()].concat()
    }

    /// Returns a source address: that of the victim, of another program on its host, of another
    /// node, or of a stranger.
    fn source(&mut self, victim: usize, nodes: usize) -> SocketAddr {
        match self.source.unwrap_or_else(|| self.rng.u32(..)) % 6 {
            0..3 => address(victim),
            3 => SocketAddr::new(address(victim).ip(), 50_000),
            4 => address((victim + 1) % nodes),
            _ => match self.rng.bool() {
                true => STRANGER,
                false => (Ipv4Addr::from(0x0aff_0000 | self.rng.u32(..) >> 16), 1).into(),
            },
        }
    }
}

fn any(rng: &mut Rng) -> What {
    use What::{Beacon, Heartbeat, List, Nak, Retransmission};
    [
        Heartbeat,
        Heartbeat,
        List,
        List,
        Retransmission,
        Nak,
        Beacon,
    ][rng.usize(0..7)]
}
