//! What we have sent, for those who missed it.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::{KEPT_BYTES, KEPT_EACH, KEPT_FOR};
use crate::time::Time;

/// A packet is sent again at most once in this time.
const PAUSE: Duration = Duration::from_millis(40);

/// Who asks for a packet the second time hears it twice, and so on, up to this.
const MOST: u8 = 4;

/// A packet that we have sent.
#[derive(Debug)]
struct Packet {
    sent: Time,
    bytes: Arc<[u8]>,
    /// When it was last sent again.
    again: Option<Time>,
    /// How often somebody has asked for it.
    asked: u8,
    /// How often it is still to be sent.
    due: u8,
}

/// The packets of this epoch, as long as they are kept: they have successive numbers.
#[derive(Debug, Default)]
pub(super) struct Sent {
    packets: VecDeque<Packet>,
    bytes: usize,
    /// The number of the first one.
    first: u32,
    /// What to send again, and when.
    asked: VecDeque<(Time, u32)>,
}

impl Sent {
    /// Keeps the packet with this number.
    pub(super) fn keep(&mut self, now: Time, seq: u32, bytes: Arc<[u8]>) {
        if self.packets.is_empty() {
            self.first = seq;
        }
        self.bytes += bytes.len() + KEPT_EACH;
        self.packets.push_back(Packet {
            sent: now,
            bytes,
            again: None,
            asked: 0,
            due: 0,
        });
        self.forget(now);
    }

    /// The packet with this number, if it is kept.
    pub(super) fn get(&self, seq: u32) -> Option<&[u8]> {
        let at = seq.checked_sub(self.first)? as usize;
        Some(&self.packets.get(at)?.bytes)
    }

    /// The numbers of those that left since then.
    pub(super) fn since(&self, time: Time) -> Option<RangeInclusive<u32>> {
        let before = self.packets.partition_point(|packet| packet.sent < time);
        let last = self.packets.len().checked_sub(1)?;
        (before <= last).then(|| self.first + before as u32..=self.first + last as u32)
    }

    /// Forgets what is too old, or too much.
    pub(super) fn forget(&mut self, now: Time) {
        while let Some(oldest) = self.packets.front()
            && (self.bytes > KEPT_BYTES || now.since(oldest.sent) > KEPT_FOR)
        {
            self.bytes -= oldest.bytes.len() + KEPT_EACH;
            self.packets.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Somebody misses these. Who asks for the same again hears it more than once, since
    /// the network seems to lose much.
    pub(super) fn ask(&mut self, now: Time, missing: RangeInclusive<u32>) {
        let Some(newest) = self.packets.len().checked_sub(1) else {
            return;
        };
        let last = self.first + newest as u32;
        for seq in *missing.start().max(&self.first)..=*missing.end().min(&last) {
            let packet = &mut self.packets[(seq - self.first) as usize];
            let just_sent = packet.again.is_some_and(|again| now.since(again) < PAUSE);
            if packet.due == 0 && !just_sent {
                packet.asked = (packet.asked + 1).min(MOST);
                packet.due = packet.asked;
                self.asked.push_back((now, seq));
            }
        }
    }

    /// The next packet to send again, which `may` take so many bytes. More than once it is
    /// sent only while there is `plenty`.
    pub(super) fn send_again<E>(
        &mut self,
        now: Time,
        plenty: bool,
        may: impl FnOnce(usize) -> Result<(), E>,
    ) -> Result<Option<Arc<[u8]>>, E> {
        while let Some(next) = self.asked.iter().position(|(due, _)| *due <= now) {
            let (_, seq) = self.asked[next];
            let at = seq.wrapping_sub(self.first) as usize;
            let Some(packet) = self.packets.get_mut(at) else {
                self.asked.remove(next);
                continue;
            };
            may(packet.bytes.len())?;
            self.asked.remove(next);
            packet.again = Some(now);
            packet.due = if plenty { packet.due - 1 } else { 0 };
            if packet.due > 0 {
                self.asked.push_back((now + PAUSE, seq));
            }
            return Ok(Some(packet.bytes.clone()));
        }
        Ok(None)
    }

    /// When something is to be sent again.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.asked.iter().map(|(due, _)| *due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::START + Duration::from_millis(millis)
    }

    fn kept(numbers: RangeInclusive<u32>, len: usize) -> Sent {
        let mut sent = Sent::default();
        for seq in numbers {
            let mut bytes = vec![0; len];
            bytes[..4].copy_from_slice(&seq.to_be_bytes());
            sent.keep(at(0), seq, bytes.into());
        }
        sent
    }

    fn sent_again(sent: &mut Sent, now: Time) -> Vec<u32> {
        let next = || sent.send_again(now, true, |_| Ok::<_, ()>(())).unwrap();
        let packets = std::iter::from_fn(next);
        let number = |bytes: Arc<[u8]>| u32::from_be_bytes(*bytes.first_chunk().unwrap());
        packets.map(number).collect()
    }

    #[test]
    fn what_is_asked_for_is_sent_again_once_and_then_twice() {
        let mut sent = kept(5..=9, 100);
        sent.ask(at(1), 1..=6);
        sent.ask(at(1), 8..=u32::MAX);
        sent.ask(at(1), 6..=8);
        assert_eq!(sent_again(&mut sent, at(1)), [5, 6, 8, 9, 7]);
        sent.ask(at(40), 6..=6);
        assert_eq!(
            sent_again(&mut sent, at(40)),
            [0; 0],
            "a NAK that has crossed"
        );
        sent.ask(at(41), 6..=6);
        assert_eq!(sent_again(&mut sent, at(41)), [6]);
        assert_eq!(sent.next_due(), Some(at(81)));
        assert_eq!(sent_again(&mut sent, at(80)), [0; 0]);
        assert_eq!(sent_again(&mut sent, at(81)), [6]);
        assert_eq!(sent.next_due(), None);
    }

    #[test]
    fn what_is_too_old_or_too_much_is_forgotten() {
        let mut sent = kept(1..=9000, 1000);
        sent.ask(at(0), 1..=u32::MAX);
        let kept_packets = KEPT_BYTES / (1000 + KEPT_EACH);
        assert_eq!(sent.packets.len(), kept_packets);
        sent.forget(at(0) + KEPT_FOR + Duration::from_millis(1));
        assert_eq!((sent.packets.len(), sent.bytes), (0, 0));
        assert_eq!(sent_again(&mut sent, at(20_000)), [0; 0]);
        assert_eq!(sent.next_due(), None);
        sent.ask(at(20_000), 1..=u32::MAX);
        sent.keep(at(20_000), 9001, vec![0; 9].into());
        sent.ask(at(20_000), 1..=u32::MAX);
        assert_eq!(sent_again(&mut sent, at(20_000)).len(), 1);
    }

    #[test]
    fn only_while_there_is_plenty_a_packet_is_sent_more_than_once() {
        let mut sent = kept(1..=1, 100);
        let mut millis = 0;
        let mut times = |plenty| {
            sent.ask(at(millis), 1..=1);
            let end = millis + 1000;
            let mut times = 0;
            while millis < end {
                let next = sent.send_again(at(millis), plenty, |_| Ok::<_, ()>(()));
                times += u32::from(next.unwrap().is_some());
                millis += 1;
            }
            times
        };
        let plenty = [true, true, false, true, true, false];
        assert_eq!(plenty.map(&mut times), [1, 2, 1, 4, 4, 1]);
    }

    #[test]
    fn what_is_not_allowed_waits() {
        let mut sent = kept(1..=2, 100);
        sent.ask(at(0), 1..=2);
        assert_eq!(sent.send_again(at(0), true, Err), Err(100));
        assert_eq!(sent_again(&mut sent, at(0)), [1, 2]);
    }
}
