//! The whole node, and another one beside it, fed whatever happens in any order: what the
//! other one sends, in any order, doubled, changed or never; what nobody has sent; tells,
//! timers, clocks that jump, and answers of the host.

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
use livesync_fuzz::member::Member;
use livesync_fuzz::packets::PACKETS;
use livesync_fuzz::peers::Told;
use livesync_fuzz::setup::Setup;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory that two nodes take, whatever happens: each keeps 8 MiB of packets for
/// others and 8 MiB to know what is late, and has 1024 packets to send.
const MOST_MEMORY: usize = 48 << 20;

/// So much happens at most.
const MOST_STEPS: usize = 512;

/// So many packets are more than a node has room for.
const BURST: u32 = 1100;

/// So many packets are on their way at most.
const ON_THEIR_WAY: usize = 64;

/// How often each node wakes up at the end, when nothing happens any more.
const WAKES: usize = 50;

/// Something that happens to one of the two.
#[derive(Arbitrary, Debug)]
struct Step<'a> {
    to: bool,
    what: What<'a>,
}

#[derive(Arbitrary, Debug)]
enum What<'a> {
    Tell {
        told: Told,
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
    Ask,
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
    /// One that one of the two has sent.
    OnItsWay(u8),
    Forged(Forged),
    Recorded(u8),
    Any(&'a [u8]),
}

/// Some bits of it are changed on the way, and some bytes lost.
#[derive(Arbitrary, Debug)]
struct Change {
    at: u16,
    bits: u8,
    lost: u8,
}

fuzz_target!(|data: &[u8]| {
    // It ends in an error when there is no more data, as it should.
    let _ = Pair::new(&mut Unstructured::new(data)).map(Pair::ends);
});

/// The two nodes, and what they have sent.
struct Pair {
    members: [Member; 2],
    on_their_way: VecDeque<Vec<u8>>,
    burst: bool,
    memory_before: usize,
}

impl Pair {
    /// A pair to which all that happens that the data say.
    fn new(data: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let memory_before = counting::taken();
        let [one, other] = <[Setup; 2]>::arbitrary(data)?;
        let member =
            |number, setup: Setup| Member::new(number, TrackerId([number; 4]), &setup.config());
        let mut pair = Self {
            members: [member(1, one), member(2, other)],
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
        let member = &mut self.members[usize::from(to)];
        match what {
            What::Tell { told, times } => self.announce(usize::from(to), told, times),
            What::Hear {
                from,
                allowed,
                bytes,
                change,
            } => self.hear(usize::from(to), from, allowed, &bytes, change),
            What::Send { packets } => {
                let taken = (0..packets).map_while(|_| member.take());
                self.on_their_way.extend(taken);
                let older = self.on_their_way.len().saturating_sub(ON_THEIR_WAY);
                self.on_their_way.drain(..older);
            }
            What::PutBack => member.take_and_put_back(),
            What::CountSendError => member.node.count_send_error(),
            What::Flush => member.node.flush(),
            What::Tick => member.tick(),
            What::Sleep => member.sleep(),
            What::Pass { millis } => {
                for member in &mut self.members {
                    member.now = member.now + Duration::from_millis(millis.into());
                }
            }
            What::Jump {
                forwards,
                log_millis,
            } => {
                let by = Duration::from_millis(1 << (log_millis % 30));
                member.now = if forwards {
                    member.now + by
                } else {
                    member.now.before(by)
                };
            }
            What::SetWall { unix } => {
                let unix = Duration::from_secs(unix.into());
                member.node.set_unix_time(member.now, unix);
            }
            What::BeginAfter { epoch } => {
                let ours = member.node.epoch().unwrap_or_default();
                member
                    .node
                    .begin_after(ours.wrapping_add_signed(epoch.into()));
            }
            What::Ask => member.ask(),
            What::Answer { which, number } => member.answer(which.into(), number),
            What::Restart { id, setup } => {
                member.balances();
                let number = 1 + u8::from(to);
                *member = Member::new(number, TrackerId([id; 4]), &setup.config());
            }
            What::Look => look(member),
        }
    }

    /// A few announces; or, once, more packets than there is room for.
    fn announce(&mut self, to: usize, told: Told, times: u8) {
        let burst = times == u8::MAX && !std::mem::replace(&mut self.burst, true);
        let times = if burst { BURST } else { u32::from(times % 8) };
        for shift in 0..times {
            self.members[to].announce(told.announce(shift));
            if burst {
                self.members[to].node.flush();
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
        let [one, other] = &self.members;
        let (hearer, speaker) = if to == 0 { (one, other) } else { (other, one) };
        let nothing = Vec::new();
        let mut datagram = match bytes {
            Bytes::OnItsWay(number) => {
                let number = usize::from(*number) % self.on_their_way.len().max(1);
                self.on_their_way.get(number).unwrap_or(&nothing).clone()
            }
            Bytes::Forged(forged) => forged.datagram(&hearer.node, &speaker.node),
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
        self.members[to].hear(Source { address, allowed }, &datagram);
    }

    /// Nothing happens any more: no node is busy for ever, all books balance, and no memory
    /// is taken without bound.
    fn ends(mut self) {
        self.on_their_way = VecDeque::new();
        for member in &mut self.members {
            member.tick();
            for _ in 0..WAKES {
                member.sleep();
            }
            let taken = counting::taken() - self.memory_before;
            assert!(taken < MOST_MEMORY, "{taken} bytes");
            member.balances();
            look(member);
        }
    }
}

/// What an operator sees.
fn look(member: &mut Member) {
    let node = &mut member.node;
    assert!(node.nodes(member.now).count() <= MAX_NODES);
    node.take_isolated();
    node.take_unauthenticated();
    node.take_new_id();
    node.scrape_state();
    assert!(!node.counters().to_string().is_empty());
}
