//! Which packets are kept, which are requested, and when they are retransmitted.

use super::*;

const WINDOW: usize = 8 << 20;
const US: TrackerId = TrackerId([1; 4]);
const ASKER: TrackerId = TrackerId([3; 4]);

fn at(millis: u64) -> Time {
    Time::START + Duration::from_millis(millis)
}

fn number(seq: u32) -> Number {
    let (id, epoch) = (US, 7);
    Number { id, epoch, seq }
}

fn kept(numbers: RangeInclusive<u32>, len: usize) -> Sent {
    let mut sent = Sent::new(WINDOW);
    for seq in numbers {
        let mut bytes = vec![0; len];
        bytes[..4].copy_from_slice(&seq.to_be_bytes());
        sent.keep(at(0), number(seq), bytes.into());
    }
    sent
}

fn retransmit_all(sent: &mut Sent, now: Time) -> Vec<u32> {
    let next = || sent.retransmit(now, true, |_| Ok::<_, ()>(())).unwrap();
    let packets = std::iter::from_fn(next);
    let number = |retransmitted: Retransmission| {
        u32::from_be_bytes(*retransmitted.bytes.first_chunk().unwrap())
    };
    packets.map(number).collect()
}

#[test]
fn what_is_asked_for_is_sent_again_once_and_then_twice() {
    let mut sent = kept(5..=9, 100);
    sent.request(ASKER, (US, 7), 1..=6);
    sent.request(ASKER, (US, 7), 8..=u32::MAX);
    sent.request(ASKER, (US, 7), 6..=8);
    assert_eq!(retransmit_all(&mut sent, at(1)), [5, 6, 7, 8, 9]);
    sent.request(ASKER, (US, 7), 6..=6);
    assert_eq!(
        retransmit_all(&mut sent, at(40)),
        [0; 0],
        "a NAK that has crossed"
    );
    sent.request(ASKER, (US, 7), 6..=6);
    assert_eq!(retransmit_all(&mut sent, at(41)), [6]);
    assert_eq!(sent.next_due(), Some(at(81)));
    assert_eq!(retransmit_all(&mut sent, at(80)), [0; 0]);
    assert_eq!(retransmit_all(&mut sent, at(81)), [6]);
    assert_eq!(sent.next_due(), None);
}

#[test]
fn what_is_too_old_or_too_much_is_forgotten() {
    let mut sent = kept(1..=9000, 1000);
    sent.request(ASKER, (US, 7), 1..=u32::MAX);
    let kept_packets = WINDOW / (1000 + KEPT_OVERHEAD);
    assert_eq!(sent.packets.len(), kept_packets);
    sent.forget(at(0) + KEPT_FOR + Duration::from_millis(1));
    assert_eq!((sent.packets.len(), sent.bytes), (0, 0));
    assert_eq!(retransmit_all(&mut sent, at(20_000)), [0; 0]);
    assert_eq!(sent.next_due(), None);
    sent.request(ASKER, (US, 7), 1..=u32::MAX);
    sent.keep(at(20_000), number(9001), vec![0; 9].into());
    sent.request(ASKER, (US, 7), 1..=u32::MAX);
    assert_eq!(retransmit_all(&mut sent, at(20_000)).len(), 1);
}

#[test]
fn only_while_there_is_plenty_a_packet_is_sent_more_than_once() {
    let mut sent = kept(1..=1, 100);
    let mut millis = 0;
    let mut times = |plenty| {
        sent.request(ASKER, (US, 7), 1..=1);
        let end = millis + 1000;
        let mut times = 0;
        while millis < end {
            let next = sent.retransmit(at(millis), plenty, |_| Ok::<_, ()>(()));
            times += u32::from(next.unwrap().is_some());
            millis += 1;
        }
        times
    };
    let plenty = [true, true, false, true, true, false];
    assert_eq!(plenty.map(&mut times), [1, 2, 1, 4, 4, 1]);
}

#[test]
fn what_was_sent_under_another_id_or_in_another_epoch_is_kept_too() {
    let mut sent = Sent::new(WINDOW);
    let other = TrackerId([2; 4]);
    for (id, epoch, seq) in [
        (US, 7, 1),
        (US, 7, 2),
        (US, 8, 1),
        (other, 8, 1),
        (other, 8, 2),
    ] {
        let number = Number { id, epoch, seq };
        let bytes = [id.0[0], epoch as u8, seq as u8, 0];
        sent.keep(at(0), number, bytes[..].into());
        assert_eq!(sent.get(number), Some(&bytes[..]));
    }
    let mut retransmitted = |id, epoch, numbers| {
        sent.request(ASKER, (id, epoch), numbers);
        retransmit_all(&mut sent, at(1)).len()
    };
    assert_eq!(retransmitted(US, 7, 2..=9), 1);
    assert_eq!(retransmitted(US, 9, 1..=9), 0);
    assert_eq!(retransmitted(other, 7, 1..=9), 0);
    assert_eq!(retransmitted(US, 8, 1..=9), 1);
    assert_eq!(retransmitted(other, 8, 0..=1), 1);
    sent.keep(at(20_000), number(1), vec![0; 4].into());
    assert_eq!((sent.packets.len(), sent.runs.len()), (1, 1));
}

/// However often a node requests everything, each requested packet gets its turn.
#[test]
fn what_is_asked_for_is_sent_though_others_ask_for_all() {
    let mut sent = kept(1..=500, 100);
    let mut heard = std::collections::BTreeSet::new();
    for millis in 0..500 {
        sent.request(ASKER, (US, 7), 1..=u32::MAX);
        let next = sent.retransmit(at(millis), false, |_| Ok::<_, ()>(()));
        heard.insert(next.unwrap().unwrap().bytes.to_vec());
    }
    assert_eq!(heard.len(), 500);
}

#[test]
fn what_is_not_allowed_waits() {
    let mut sent = kept(1..=2, 100);
    sent.request(ASKER, (US, 7), 1..=2);
    assert_eq!(sent.retransmit(at(0), true, Err), Err(100));
    assert_eq!(retransmit_all(&mut sent, at(0)), [1, 2]);
}
