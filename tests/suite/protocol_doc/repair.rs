//! The numbers of loss repair, measured at nodes.

use livesync::reject::Reject;

use super::*;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const KIB: usize = 1024;

/// Of a node that never heard the time on the wall, and starts half a minute late.
const EPOCH: u32 = 300;

#[test]
fn the_numbers_of_repair_are_the_codes() {
    let [first, .., longest] = heartbeats()[..] else {
        panic!("hardly any heartbeats");
    };
    let (often, asked_for) = heartbeats_when_asked();
    let (backoff, pause) = waits_before_naks();
    let kib = |bytes: usize| format!("{} KiB", bytes / KIB);
    let expected = [
        (
            "what was sent, and what was heard, is kept for",
            duration(kept_for()),
        ),
        (
            "of each at most",
            format!("{} MiB", kept_bytes().div_ceil(KIB * KIB)),
        ),
        (
            "a packet is sent again at most once in",
            duration(sent_again_once_in()),
        ),
        (
            "bytes sent again, per second, at least",
            kib(sent_again_per_second()),
        ),
        ("NAKs sent, per second", kib(naks_per_second())),
        ("first heartbeat, after the last packet", duration(first)),
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
        ("a gap is given up after", duration(given_up_after())),
        ("gaps of one sender", gaps_at_most().to_string()),
        (
            "earlier packets asked for at first contact",
            earlier().to_string(),
        ),
    ];
    let expected = expected.map(|(what, value)| vec![what.to_owned(), value]);
    assert_eq!(section("## Repair").table(0), expected);
}

#[test]
fn heartbeats_have_the_rhythm_that_it_says() {
    let seconds: Vec<_> = heartbeats()
        .iter()
        .map(|wait| wait.as_secs().to_string())
        .collect();
    let [first, later @ ..] = &seconds[..7] else {
        panic!("{seconds:?}");
    };
    let words = section("### Heartbeats").0.replace('\n', " ");
    let said = format!("leaves {first} s after");
    assert!(words.contains(&said), "{said}");
    let said = format!("and then after {} ... s", later.join(", "));
    assert!(words.contains(&said), "{said}");
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
        let again = hear(&mut node, start() + MILLI, &packet);
        assert_eq!(again.err(), Some(Reject::Duplicate));
    }
}

/// The time after which a packet is no longer sent again.
fn kept_for() -> Duration {
    longest(|age| {
        let mut node = speaker(1);
        let now = start() + age;
        node.handle_timeout(now);
        asked_for(&mut node, now, 1..=1) > 0
    })
}

fn kept_bytes() -> usize {
    let mut node = speaker(6000);
    assert!(hear(&mut node, start(), &nak(1..=u32::MAX)).is_ok());
    node.handle_timeout(start());
    // The first that is sent again is the oldest.
    let oldest = node.poll_transmit().expect("a packet sent again");
    let frame = Frame::parse(oldest.as_ref()).expect("a packet");
    let seq = frame.trailer.expect("a trailer").seq;
    (6000 - seq as usize + 1) * oldest.as_ref().len()
}

fn sent_again_once_in() -> Duration {
    let once = longest(|pause| {
        let mut node = speaker(1);
        assert_eq!(asked_for(&mut node, start(), 1..=1), 1);
        asked_for(&mut node, start() + pause, 1..=1) == 0
    });
    once + MILLI
}

fn sent_again_per_second() -> usize {
    let mut node = speaker(5500);
    // Nothing was sent in the last second.
    let asked = start() + 3 * SECOND;
    assert!(hear(&mut node, asked, &nak(1..=u32::MAX)).is_ok());
    bytes_per_second(&mut node, asked, |frame| frame.again)
}

fn naks_per_second() -> usize {
    let mut node = node(1);
    for sender in 0..6 {
        for seq in 1..400 {
            let id = TrackerId([sender; 4]);
            let packet = list(id, 0, 2 * seq, &[0; IPV4]);
            assert!(hear(&mut node, start(), &packet).is_ok());
        }
    }
    let is_nak = |frame: &Frame<'_>| matches!(frame.packet, Packet::Nak(_));
    bytes_per_second(&mut node, start(), is_nak)
}

/// From the second to the sixth second, NAKs without trailers. Rounded to 8 KiB: so much
/// may be in a bucket at the end.
fn bytes_per_second(node: &mut Node, from: Time, counts: impl Fn(&Frame<'_>) -> bool) -> usize {
    let mut bytes = 0;
    let mut now = from;
    while now < from + 6 * SECOND {
        node.handle_timeout(now);
        for packet in std::iter::from_fn(|| node.poll_transmit()) {
            let frame = Frame::parse(packet.as_ref()).expect("a packet");
            if counts(&frame) && now >= from + SECOND {
                let nak = matches!(frame.packet, Packet::Nak(_));
                bytes += packet.as_ref().len() - if nak { Trailer::LEN } else { 0 };
            }
        }
        now = node.poll_timeout().max(now + MILLI);
    }
    (bytes / 5 + 4 * KIB) / (8 * KIB) * (8 * KIB)
}

/// The times between heartbeats of a silent node, from the start on.
fn heartbeats() -> Vec<Duration> {
    let mut node = node(1);
    let mut last = start();
    let waits = std::iter::from_fn(|| {
        let now = node.poll_timeout();
        node.handle_timeout(now);
        node.poll_transmit().expect("a heartbeat");
        let wait = now.since(last);
        last = now;
        Some(wait)
    });
    waits.take(8).collect()
}

/// The time between heartbeats of a node that was asked, and for how long it is that.
fn heartbeats_when_asked() -> (Duration, Duration) {
    let mut node = speaker(1);
    assert!(hear(&mut node, start(), &nak(1..=1)).is_ok());
    let mut last = start();
    let mut often = Duration::MAX;
    loop {
        let now = node.poll_timeout();
        node.handle_timeout(now);
        let packets = std::iter::from_fn(|| node.poll_transmit());
        let heartbeats = packets.filter(|packet| {
            let frame = Frame::parse(packet.as_ref()).expect("a packet");
            matches!(frame.packet, Packet::Heartbeat(_))
        });
        if heartbeats.count() > 0 {
            if now.since(last) > often {
                return (often, last.since(start()));
            }
            often = now.since(last);
            last = now;
        }
    }
}

/// The longest wait before a NAK, and the shortest between it and the next, of many.
fn waits_before_naks() -> (Duration, Duration) {
    let waits = (0..3000).map(|seed| {
        let mut node = missing_one(seed);
        let mut naks = std::iter::from_fn(|| next_nak(&mut node));
        [(); 2].map(|()| naks.next().expect("a NAK"))
    });
    let (longest, shortest) = waits.fold((Duration::ZERO, Duration::MAX), |(long, short), naks| {
        let [first, second] = naks;
        (
            long.max(first.since(start())),
            short.min(second.since(first)),
        )
    });
    let rounded = |wait: Duration| MILLI * (wait.as_secs_f64() * 1000.0).round() as u32;
    (rounded(longest), rounded(shortest))
}

fn given_up_after() -> Duration {
    let mut node = missing_one(1);
    loop {
        let now = node.poll_timeout();
        node.handle_timeout(now);
        if node.counters().repair.packets_given_up > 0 {
            return now.since(start());
        }
    }
}

fn gaps_at_most() -> u64 {
    let mut node = node(1);
    for seq in 1..1000 {
        assert!(hear(&mut node, start(), &list(OTHER, 0, 2 * seq, &[0; IPV4])).is_ok());
    }
    missing(&node)
}

/// How many earlier packets are missing of a sender that has run for longer than we have.
fn earlier() -> u64 {
    let mut node = node(1);
    let sent = 3_600_000;
    let packet = list(OTHER, sent, 1000, &[0; IPV4]);
    assert!(hear(&mut node, start() + 10 * SECOND, &packet).is_ok());
    missing(&node)
}

fn missing(node: &Node) -> u64 {
    node.nodes(start()).map(|node| node.missing).sum()
}

/// When a NAK leaves next.
fn next_nak(node: &mut Node) -> Option<Time> {
    loop {
        let now = node.poll_timeout();
        node.handle_timeout(now);
        let mut packets = std::iter::from_fn(|| node.poll_transmit());
        let is_nak = |packet: &livesync::protocol::Datagram| {
            packet.as_ref()[4..8] == (PacketType::Nak as u32).to_be_bytes()
        };
        if packets.any(|packet| is_nak(&packet)) {
            return Some(now);
        }
    }
}

/// A node that misses one packet.
fn missing_one(seed: u64) -> Node {
    let mut node = node(seed);
    for seq in [1, 3] {
        assert!(hear(&mut node, start(), &list(OTHER, 0, seq, &[0; IPV4])).is_ok());
    }
    node
}

/// A node that has sent so many full packets.
fn speaker(packets: usize) -> Node {
    let mut node = node(1);
    for _ in 0..packets {
        while !node.has_transmit() {
            node.tell(start(), announce([1; 4].into(), 6881, PeerFlags::SEEDING));
        }
        node.poll_transmit();
    }
    node
}

/// How many packets it sends again at once when these are missing somewhere.
fn asked_for(node: &mut Node, now: Time, missing: std::ops::RangeInclusive<u32>) -> usize {
    std::iter::from_fn(|| node.poll_transmit()).for_each(drop);
    assert!(hear(node, now, &nak(missing)).is_ok());
    node.handle_timeout(now);
    let packets = std::iter::from_fn(|| node.poll_transmit());
    let again = packets.filter(|packet| Frame::parse(packet.as_ref()).expect("a packet").again);
    again.count()
}

/// The longest time, in whole milliseconds up to a minute, for which this holds.
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

fn node(seed: u64) -> Node {
    let config = Config::default().scrape(false).lonely_after(Duration::MAX);
    Node::new(start(), US, source(1, true).address, seed, &config)
}

fn hear<'a>(node: &mut Node, now: Time, packet: &'a [u8]) -> Result<Received<'a>, Reject> {
    node.handle_datagram(now, source(2, true), packet)
}

/// A list of one record by this tracker.
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

fn nak(missing: std::ops::RangeInclusive<u32>) -> Vec<u8> {
    let nak = Nak::emit(OTHER, US, EPOCH, &[missing]);
    let trailer = Trailer::default();
    [&nak[..], &trailer.emit()].concat()
}

fn start() -> Time {
    Time::START + 30 * SECOND
}
