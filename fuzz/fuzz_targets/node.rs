//! Feeds two nodes any events in any order: packets of the other node, reordered, doubled,
//! changed or lost; forged packets; announces, timers, clocks that jump, and answers of the
//! host.

#![no_main]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use livesync::TrackerId;
use livesync::unstable::protocol::{MAX_NODES, Source};
use livesync_fuzz::counting::{self, Counting};
use livesync_fuzz::forged::Forged;
use livesync_fuzz::test_node::TestNode;
use livesync_fuzz::packets::PACKETS;
use livesync_fuzz::peers::AnnounceSeed;
use livesync_fuzz::setup::Setup;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Upper bound for the memory of two nodes: each keeps 8 MiB of packets for others, 8 MiB to
/// recognize late announces, and 1024 packets to send.
const MOST_MEMORY: usize = 48 << 20;

/// Upper bound for the number of steps.
const MOST_STEPS: usize = 512;

/// More packets than a node has room for.
const BURST: u32 = 1100;

/// Upper bound for the number of packets in flight.
const ON_THEIR_WAY: usize = 64;

/// Number of wake-ups of each node at the end, without further events.
const WAKES: usize = 50;

/// An event for one of the two nodes.
#[derive(Arbitrary, Debug)]
struct Step<'a> {
    to: bool,
    what: What<'a>,
}

#[derive(Arbitrary, Debug)]
enum What<'a> {
    Announce {
        seed: AnnounceSeed,
        times: u8,
    },
    Hear {
        from: u8,
        allowed: bool,
        bytes: Bytes<'a>,
        change: Option<Change>,
    },
    Send {
        packets: u8,
    },
    PutBack,
    CountSendError,
    Flush,
    Tick,
    Sleep,
    Pass {
        millis: u16,
    },
    Jump {
        forwards: bool,
        log_millis: u8,
    },
    SetWall {
        unix: u32,
    },
    BeginAfter {
        epoch: i8,
    },
    TakeTasks,
    Answer {
        which: u8,
        number: u16,
    },
    Restart {
        id: u8,
        setup: Setup,
    },
    Look,
}

/// A datagram.
#[derive(Arbitrary, Debug)]
enum Bytes<'a> {
    /// A datagram that one of the two has sent.
    OnItsWay(u8),
    Forged(Forged),
    Recorded(u8),
    Any(&'a [u8]),
}

/// A change of some bits, and a loss of some bytes, on the way.
#[derive(Arbitrary, Debug)]
struct Change {
    at: u16,
    bits: u8,
    lost: u8,
}

fuzz_target!(|data: &[u8]| {
    // An error means that the data are used up, which is how a run ends.
    let _ = Pair::new(&mut Unstructured::new(data)).map(Pair::ends);
});

/// The two nodes, and the packets in flight.
struct Pair {
    nodes: [TestNode; 2],
    on_their_way: VecDeque<Vec<u8>>,
    burst: bool,
    memory_before: usize,
}

impl Pair {
    /// Makes a pair, and feeds it all events that the data describe.
    fn new(data: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let memory_before = counting::taken();
        let [one, other] = <[Setup; 2]>::arbitrary(data)?;
        let node =
            |number, setup: Setup| TestNode::new(number, TrackerId([number; 4]), &setup.config());
        let mut pair = Self {
            nodes: [node(1, one), node(2, other)],
            on_their_way: VecDeque::new(),
            burst: false,
            memory_before,
        };
        for _ in 0..MOST_STEPS {
            let Ok(step) = Step::arbitrary(data) else {
                break;
            };
            if data.is_empty() {
                break;
            }
            pair.step(step);
        }
        Ok(pair)
    }

    fn step(&mut self, Step { to, what }: Step<'_>) {
        let node = &mut self.nodes[usize::from(to)];
        match what {
            What::Announce { seed, times } => self.announce(usize::from(to), seed, times),
            What::Hear {
                from,
                allowed,
                bytes,
                change,
            } => self.hear(usize::from(to), from, allowed, &bytes, change),
            What::Send { packets } => {
                let taken = (0..packets).map_while(|_| node.take());
                self.on_their_way.extend(taken);
                let older = self.on_their_way.len().saturating_sub(ON_THEIR_WAY);
                self.on_their_way.drain(..older);
            }
            What::PutBack => node.take_and_put_back(),
            What::CountSendError => node.protocol.count_send_error(),
            What::Flush => node.protocol.flush(),
            What::Tick => node.tick(),
            What::Sleep => node.sleep(),
            What::Pass { millis } => {
                for node in &mut self.nodes {
                    node.now = node.now + Duration::from_millis(millis.into());
                }
            }
            What::Jump {
                forwards,
                log_millis,
            } => {
                let by = Duration::from_millis(1 << (log_millis % 30));
                node.now = if forwards {
                    node.now + by
                } else {
                    node.now.before(by)
                };
            }
            What::SetWall { unix } => {
                let unix = Duration::from_secs(unix.into());
                node.protocol.set_unix_time(node.now, unix);
            }
            What::BeginAfter { epoch } => {
                let ours = node.protocol.epoch().unwrap_or_default();
                node
                    .protocol
                    .begin_after(ours.wrapping_add_signed(epoch.into()));
            }
            What::TakeTasks => node.take_tasks(),
            What::Answer { which, number } => node.answer(which.into(), number),
            What::Restart { id, setup } => {
                node.balances();
                let number = 1 + u8::from(to);
                *node = TestNode::new(number, TrackerId([id; 4]), &setup.config());
            }
            What::Look => look(node),
        }
    }

    /// Makes a few announces; or, once, more packets than there is room for.
    fn announce(&mut self, to: usize, seed: AnnounceSeed, times: u8) {
        let burst = times == u8::MAX && !std::mem::replace(&mut self.burst, true);
        let times = if burst { BURST } else { u32::from(times % 8) };
        for shift in 0..times {
            self.nodes[to].announce(seed.announce(shift));
            if burst {
                self.nodes[to].protocol.flush();
            }
        }
    }

    fn hear(
        &mut self,
        to: usize,
        from: u8,
        allowed: bool,
        bytes: &Bytes<'_>,
        change: Option<Change>,
    ) {
        let [one, other] = &self.nodes;
        let (receiver, sender) = if to == 0 { (one, other) } else { (other, one) };
        let nothing = Vec::new();
        let mut datagram = match bytes {
            Bytes::OnItsWay(number) => {
                let number = usize::from(*number) % self.on_their_way.len().max(1);
                self.on_their_way.get(number).unwrap_or(&nothing).clone()
            }
            Bytes::Forged(forged) => forged.datagram(&receiver.protocol, &sender.protocol),
            Bytes::Recorded(number) => PACKETS[usize::from(*number) % PACKETS.len()].clone(),
            Bytes::Any(bytes) => bytes.to_vec(),
        };
        if let Some(Change { at, bits, lost }) = change {
            datagram.truncate(datagram.len().saturating_sub(lost.into()));
            let at = usize::from(at) % datagram.len().max(1);
            datagram
                .get_mut(at)
                .into_iter()
                .for_each(|byte| *byte ^= bits);
        }
        let address = SocketAddr::from(([10, 0, 0, from], 9696));
        self.nodes[to].hear(Source { address, allowed }, &datagram);
    }

    /// Checks, without further events, that no node is busy for ever, that all books balance,
    /// and that memory is bounded.
    fn ends(mut self) {
        self.on_their_way = VecDeque::new();
        for node in &mut self.nodes {
            node.tick();
            for _ in 0..WAKES {
                node.sleep();
            }
            let taken = counting::taken() - self.memory_before;
            assert!(taken < MOST_MEMORY, "{taken} bytes");
            node.balances();
            look(node);
        }
    }
}

/// Reads everything that an operator can see.
fn look(test_node: &mut TestNode) {
    let node = &mut test_node.protocol;
    assert!(node.nodes(test_node.now).count() <= MAX_NODES);
    node.take_isolated();
    node.take_unauthenticated();
    node.take_new_id();
    node.scrape_state();
    assert!(!node.counters().to_string().is_empty());
}
