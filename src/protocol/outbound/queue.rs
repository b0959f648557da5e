//! The packets that wait to be sent: one queue for each class.

use std::collections::VecDeque;

use super::class::{Class, Destination};
use super::datagram::{Datagram, Kind};
use crate::types::TrackerId;

/// Upper bound for waiting packets: of each class, and of all that the network did not take.
const MAX_WAITING: usize = 1024;

/// A packet that is to be sent now.
#[derive(Clone, Debug)]
pub struct Transmit {
    to: Destination,
    class: Class,
    datagram: Datagram,
}

impl Transmit {
    /// Returns the destination of the packet.
    pub fn to(&self) -> Destination {
        self.to
    }

    /// Returns the class of the packet.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Returns whether the packet is of a kind that has a number, where packets have one.
    pub(super) fn is_numbered(&self) -> bool {
        !matches!(self.datagram.kind(), Kind::Fixed | Kind::Ours)
    }

    pub(super) fn datagram_mut(&mut self) -> &mut Datagram {
        &mut self.datagram
    }
}

/// The payload of the UDP packet.
impl AsRef<[u8]> for Transmit {
    fn as_ref(&self) -> &[u8] {
        self.datagram.as_ref()
    }
}

/// The packets put into the queues, and those lost there.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::protocol) struct Posted {
    pub(in crate::protocol) packets: u64,
    pub(in crate::protocol) bytes: u64,
    /// Packets lost, by class.
    pub(in crate::protocol) overflowed: [u64; Class::ALL.len()],
}

/// The packets that wait. In each class the oldest packets leave first, and are lost first when too
/// many wait: their announces are the most likely to be superseded.
#[derive(Debug, Default)]
pub(in crate::protocol) struct Queue {
    /// Packets that the network did not take. They leave first, in their order, since they may have
    /// numbers.
    returned: VecDeque<Transmit>,
    waiting: [VecDeque<Datagram>; Class::ALL.len()],
    posted: Posted,
}

impl Queue {
    /// Appends a packet.
    pub(in crate::protocol) fn post(&mut self, datagram: Datagram) {
        self.posted.packets += 1;
        self.posted.bytes += datagram.len() as u64;
        let class = datagram.class();
        let waiting = &mut self.waiting[class as usize];
        if waiting.len() >= MAX_WAITING {
            waiting.pop_front();
            self.posted.overflowed[class as usize] += 1;
        }
        waiting.push_back(datagram);
    }

    /// Takes the next packet.
    pub(super) fn pop(&mut self) -> Option<Transmit> {
        if let Some(returned) = self.returned.pop_front() {
            return Some(returned);
        }
        let next = |waiting: &mut VecDeque<Datagram>| waiting.pop_front();
        let datagram = self.waiting.iter_mut().find_map(next)?;
        Some(Transmit {
            to: datagram.destination(),
            class: datagram.class(),
            datagram,
        })
    }

    /// Takes back a packet that could not be sent now, with `id` as its sender.
    pub(super) fn put_back(&mut self, mut transmit: Transmit, id: TrackerId) {
        if self.returned.len() < MAX_WAITING {
            transmit.datagram.rename(id);
            self.returned.push_front(transmit);
        } else {
            self.posted.overflowed[transmit.class as usize] += 1;
        }
    }

    /// Names `id` as the sender of all that waits.
    pub(in crate::protocol) fn rename(&mut self, id: TrackerId) {
        let returned = (self.returned.iter_mut()).map(Transmit::datagram_mut);
        let waiting = self.waiting.iter_mut().flatten();
        returned
            .chain(waiting)
            .for_each(|datagram| datagram.rename(id));
    }

    /// Counts a packet that waited elsewhere and was lost.
    pub(super) fn count_overflow(&mut self, class: Class) {
        self.posted.overflowed[class as usize] += 1;
    }

    /// Counts bytes that were added to a packet as it left.
    pub(super) fn count_bytes(&mut self, bytes: usize) {
        self.posted.bytes += bytes as u64;
    }

    pub(in crate::protocol) fn posted(&self) -> Posted {
        self.posted
    }

    pub(in crate::protocol) fn is_empty(&self) -> bool {
        self.returned.is_empty() && self.waiting.iter().all(VecDeque::is_empty)
    }

    /// Returns whether there is room for packets of a class that can wait elsewhere.
    pub(in crate::protocol) fn has_room(&self, class: Class) -> bool {
        self.waiting[class as usize].len() < MAX_WAITING / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Header, PacketType};

    const OLD: TrackerId = TrackerId([1; 4]);
    const NEW: TrackerId = TrackerId([2; 4]);

    fn of(kind: Kind, number: u16) -> Datagram {
        let mut packet = Header::new(OLD, PacketType::Live).emit().to_vec();
        packet.extend(number.to_be_bytes());
        Datagram::new(&packet, kind)
    }

    fn live(number: u16) -> Datagram {
        of(Kind::Announces { packet: 0 }, number)
    }

    fn number(transmit: &Transmit) -> u16 {
        let (_, number) = transmit.as_ref().split_last_chunk().expect("a number");
        u16::from_be_bytes(*number)
    }

    #[test]
    fn each_class_is_bounded_and_loses_its_own_oldest() {
        let mut queue = Queue::default();
        queue.post(live(0));
        (0..1030).for_each(|i| queue.post(of(Kind::Retransmission, i)));
        (0..1030).for_each(|i| queue.post(of(Kind::Ours, i)));
        assert_eq!(queue.posted().overflowed, [6, 0, 6, 0]);
        let all: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        let classes = |class| all.iter().filter(move |one| one.class() == class);
        for class in [Class::Control, Class::Repair] {
            let numbers: Vec<_> = classes(class).map(number).collect();
            assert_eq!(numbers, (6..1030).collect::<Vec<_>>(), "{class:?}");
        }
        assert_eq!(classes(Class::Live).count(), 1);
        assert!(all.is_sorted_by_key(|one| one.class() as usize));
    }

    #[test]
    fn there_is_room_for_announces_however_much_else_waits() {
        let mut queue = Queue::default();
        for kind in [Kind::Ours, Kind::Retransmission] {
            (0..1024).for_each(|i| queue.post(of(kind, i)));
        }
        assert!(queue.has_room(Class::Live) && !queue.has_room(Class::Repair));
        (0..1024).for_each(|i| queue.post(live(i)));
        assert!(!queue.has_room(Class::Live));
        assert_eq!(queue.posted().overflowed[Class::Live as usize], 0);
    }

    #[test]
    fn what_is_put_back_leaves_first_in_its_order() {
        let mut queue = Queue::default();
        queue.post(live(1));
        queue.post(of(Kind::Retransmission, 2));
        let taken: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        queue.post(of(Kind::Ours, 3));
        for transmit in taken.into_iter().rev() {
            queue.put_back(transmit, OLD);
        }
        let left: Vec<_> = std::iter::from_fn(|| queue.pop())
            .map(|transmit| number(&transmit))
            .collect();
        assert_eq!(left, [1, 2, 3]);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_is_put_back_is_bounded_too() {
        let mut queue = Queue::default();
        for _ in 0..=MAX_WAITING {
            queue.post(live(0));
            let taken = queue.waiting[Class::Live as usize].pop_front();
            let taken = taken.map(|datagram| Transmit {
                to: Destination::Everyone,
                class: Class::Live,
                datagram,
            });
            queue.put_back(taken.expect("it waits"), OLD);
        }
        assert_eq!(queue.posted().overflowed, [0, 1, 0, 0]);
    }

    #[test]
    fn what_is_sent_again_keeps_its_id() {
        let mut queue = Queue::default();
        queue.post(of(Kind::Retransmission, 1));
        queue.post(live(2));
        queue.rename(NEW);
        let left: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        let ids = left.iter().map(|transmit| &transmit.as_ref()[..4]);
        assert!(ids.eq([NEW.0, OLD.0]));
    }
}
