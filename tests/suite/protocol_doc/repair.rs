//! The numbers of loss repair, measured at nodes.

use livesync::stats::Reject;

use super::*;

mod heartbeats;
mod missing;
mod sent;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const KIB: usize = 1024;

/// The epoch of a node without wall-clock time that starts half a minute late.
const EPOCH: u32 = 300;

#[test]
fn the_numbers_of_repair_are_the_codes() {
    let (often, asked_for) = heartbeats::when_asked();
    let (kept, beside) = sent::kept_at_most();
    let (backoff, pause) = missing::waits_before_naks();
    let (earlier, unknown) = missing::earlier();
    let heartbeats = heartbeats::after_a_packet();
    let longest = *heartbeats.last().expect("a heartbeat");
    let kib = |bytes: usize| format!("{} KiB", bytes / KIB);
    let expected = [
        (
            "what was sent, and what was heard, is kept for at most",
            duration(sent::kept_for()),
        ),
        (
            "of what was sent at most, by repair_window",
            format!("{} MiB", kept / KIB / KIB),
        ),
        (
            "each packet counts for its bytes and",
            counted(beside, "byte"),
        ),
        (
            "a packet is sent again at most once in",
            duration(sent::again_once_in()),
        ),
        (
            "bytes sent again, per second, at least",
            kib(sent::again_per_second()),
        ),
        ("NAKs sent, per second", kib(missing::naks_per_second())),
        (
            "first heartbeat, after the start",
            duration(heartbeats::after_the_start()[0]),
        ),
        (
            "first heartbeat, after the last packet",
            duration(heartbeats[0]),
        ),
        (
            "longest wait before a greeting",
            duration(heartbeats::greeting()),
        ),
        ("longest time between two heartbeats", duration(longest)),
        (
            "time between two heartbeats, while packets get lost",
            duration(often),
        ),
        (
            "packets get lost, after the last NAK, for",
            duration(asked_for),
        ),
        ("longest back-off", duration(backoff)),
        (
            "shortest time between two NAKs for the same",
            duration(pause),
        ),
        ("a gap is lost after", duration(missing::lost_after())),
        ("gaps of one sender", missing::gaps_at_most().to_string()),
        (
            "earlier packets asked for at first contact",
            earlier.to_string(),
        ),
        (
            "but none as long as we have listened for less than",
            duration(unknown),
        ),
    ];
    let expected = expected.map(|(what, value)| vec![what.to_owned(), value]);
    assert_eq!(section("## Repair").table(0), expected);
}

#[test]
fn a_late_announce_is_applied_as_it_says() {
    let [plain, completed] = [PeerFlags(0), PeerFlags::COMPLETED];
    for (late, newer, applied) in [
        (plain, None, vec![plain]),
        (plain, Some(PeerFlags::STOPPED), vec![]),
        (
            completed,
            Some(PeerFlags::STOPPED),
            vec![completed, PeerFlags::STOPPED],
        ),
        (completed, Some(completed), vec![]),
        (completed | PeerFlags::STOPPED, Some(plain), vec![]),
    ] {
        let mut node = node(1);
        let peer = |flags| announce(Ipv4Addr::LOCALHOST, 1, flags).emit();
        let other = announce(Ipv4Addr::LOCALHOST, 2, plain).emit();
        let newer = newer.map_or(other, peer);
        for (seq, record) in [(1, other), (3, newer)] {
            assert!(hear(&mut node, start(), &list(OTHER, 0, seq, &record)).is_ok());
        }
        let packet = list(OTHER, 0, 2, &peer(late));
        let Ok(Received::Late(announces)) = hear(&mut node, start() + MILLI, &packet) else {
            panic!("not late");
        };
        let flags: Vec<_> = announces
            .iter()
            .map(|announce| announce.peer.flags)
            .collect();
        assert_eq!(flags, applied, "{late:?}");
        let second = hear(&mut node, start() + MILLI, &packet);
        assert_eq!(second.err(), Some(Reject::Duplicate));
    }
}

/// Returns the bytes per second from the second to the sixth second. They are rounded to 8 KiB,
/// since that much may be left in a token bucket at the end.
fn bytes_per_second(node: &mut Node, from: Time, counts: impl Fn(&Frame<'_>) -> bool) -> usize {
    let mut bytes = 0;
    let mut now = from;
    while now < from + 6 * SECOND {
        node.handle_timeout(now);
        for packet in std::iter::from_fn(|| node.poll_transmit()) {
            let frame = Frame::parse(packet.as_ref()).expect("a packet");
            if counts(&frame) && now >= from + SECOND {
                bytes += packet.as_ref().len();
            }
        }
        now = node.poll_timeout().max(now + MILLI);
    }
    (bytes / 5 + 4 * KIB) / (8 * KIB) * (8 * KIB)
}

/// Returns the longest time, in whole milliseconds up to a minute, for which this holds.
fn longest(holds: impl Fn(Duration) -> bool) -> Duration {
    let (mut holding, mut too_long) = (0, 60_000);
    while too_long - holding > 1 {
        let middle = (holding + too_long) / 2;
        if holds(MILLI * middle) {
            holding = middle;
        } else {
            too_long = middle;
        }
    }
    MILLI * holding
}

/// Returns a node that has sent this many packets of this many announces.
fn speaker(packets: usize, announces: usize) -> Node {
    let mut node = node(1);
    // A known node is not greeted.
    assert!(hear(&mut node, start(), &heartbeat(0, 0)).is_ok());
    for _ in 0..packets {
        for _ in 0..announces {
            node.announce(start(), announce([1; 4].into(), 6881, PeerFlags::SEEDING));
        }
        node.flush();
        node.poll_transmit().expect("a packet");
    }
    node
}

fn node(seed: u64) -> Node {
    let config = Config::default()
        .scrape(false)
        .isolated_after(Duration::MAX);
    Node::new(
        start(),
        US,
        &[LinkInfo::multicast_ipv4(source(1, true).address)],
        seed,
        &config,
    )
}

fn hear<'a>(node: &mut Node, now: Time, packet: &'a [u8]) -> Result<Received<'a>, Reject> {
    node.handle_datagram(now, source(2, true), packet)
}

/// Returns the packets that leave now.
fn sent(node: &mut Node, now: Time) -> Vec<livesync::unstable::protocol::Transmit> {
    node.handle_timeout(now);
    std::iter::from_fn(|| node.poll_transmit()).collect()
}

/// Returns a list of one record by this tracker.
fn list(id: TrackerId, sent: u32, seq: u32, record: &[u8]) -> Vec<u8> {
    let header = Header::new(id, PacketType::Live).emit();
    let trailer = Trailer {
        epoch: EPOCH,
        sent,
        seq,
        ..Trailer::default()
    };
    [&header[..], record, &trailer.emit()].concat()
}

/// Returns a heartbeat of the other tracker.
fn heartbeat(epoch: u32, highest: u32) -> Vec<u8> {
    let heartbeat = Heartbeat { epoch, highest }.emit(OTHER);
    let trailer = Trailer {
        epoch,
        ..Trailer::default()
    };
    [&heartbeat[..], &trailer.emit()].concat()
}

fn nak(missing: std::ops::RangeInclusive<u32>) -> Vec<u8> {
    let nak = Nak::emit(OTHER, US, EPOCH, &[missing]);
    let trailer = Trailer::default();
    [&nak[..], &trailer.emit()].concat()
}

fn rounded(wait: Duration) -> Duration {
    MILLI * (wait.as_secs_f64() * 1000.0).round() as u32
}

fn start() -> Time {
    Time::START + 30 * SECOND
}
