//! The times of heartbeats.

use super::*;

#[test]
fn heartbeats_have_the_rhythm_that_it_says() {
    let [start, packet] = [after_the_start(), after_a_packet()].map(|waits| {
        let sum = waits.iter().scan(0, |sum, wait| {
            *sum += wait.as_secs();
            Some(*sum)
        });
        sum.collect::<Vec<_>>()
    });
    assert_eq!((start[0], &start[1..]), (0, &packet[..packet.len() - 1]));
    let times: Vec<_> = packet.iter().map(u64::to_string).collect();
    let said = format!("that is at {} ... s.", times.join(", "));
    let words = section("### Heartbeats").0.replace('\n', " ");
    assert!(words.contains(&said), "{said}");
}

#[test]
fn whoever_begins_a_stream_greets_its_sender() {
    let mut node = node(1);
    let mut now = next(&mut node);
    assert_eq!(now, start());
    for epoch in [EPOCH, EPOCH + 1] {
        now = now + SECOND / 2;
        assert!(hear(&mut node, now, &heartbeat(epoch, 0)).is_ok());
        let greeting = next(&mut node);
        assert!(greeting <= now + MILLI * 100, "epoch {epoch}");
        now = greeting;
        // A known node is not greeted.
        assert!(hear(&mut node, now, &heartbeat(epoch, 0)).is_ok());
        assert_eq!(node.poll_timeout(), now + SECOND);
    }

    assert!(hear(&mut node, now, &heartbeat(EPOCH + 2, 0)).is_ok());
    node.announce(now, announce([1; 4].into(), 6881, PeerFlags::SEEDING));
    node.flush();
    node.poll_transmit().expect("a packet");
    assert_eq!(next(&mut node), now + SECOND, "a packet says the same");
}

/// Returns the times between the heartbeats of a silent node, from its start on.
pub fn after_the_start() -> Vec<Duration> {
    waits(node(1))
}

/// Returns the same from its last packet on.
pub fn after_a_packet() -> Vec<Duration> {
    waits(speaker(1, 1))
}

/// Returns the longest wait before a greeting, of many random ones.
pub fn greeting() -> Duration {
    let waits = (0..3000).map(|seed| {
        let mut node = node(seed);
        next(&mut node);
        assert!(hear(&mut node, start(), &heartbeat(EPOCH, 0)).is_ok());
        next(&mut node).since(start())
    });
    rounded(waits.max().unwrap_or_default())
}

/// Returns the time between heartbeats of a node after a NAK, and for how long that lasts.
pub fn when_asked() -> (Duration, Duration) {
    let mut node = speaker(1, 1);
    assert!(hear(&mut node, start(), &nak(1..=1)).is_ok());
    let mut last = start();
    let mut often = Duration::MAX;
    loop {
        let now = next(&mut node);
        if now.since(last) > often {
            return (often, last.since(start()));
        }
        often = now.since(last);
        last = now;
    }
}

fn waits(mut node: Node) -> Vec<Duration> {
    let mut last = start();
    let waits = std::iter::from_fn(|| {
        let now = next(&mut node);
        let wait = now.since(last);
        last = now;
        Some(wait)
    });
    waits.take(12).collect()
}

/// Returns the time of the next heartbeat.
fn next(node: &mut Node) -> Time {
    loop {
        let now = node.poll_timeout();
        let is_heartbeat = |packet: &livesync::unstable::protocol::Transmit| {
            let frame = Frame::parse(packet.as_ref()).expect("a packet");
            matches!(frame.packet, Packet::Heartbeat(_))
        };
        if sent(node, now).iter().any(is_heartbeat) {
            return now;
        }
    }
}
