//! The numbers of our packets: epoch, sequence number and time.

use std::time::Duration;

use crate::protocol::repair::REISSUED_WITHIN;
use crate::time::Time;

/// Start of the count of epochs: 2024-01-01 00:00 UTC, in milliseconds since 1970.
const ERA: i64 = 1_704_067_200_000;

/// Unit of epochs: a tenth of a second, in milliseconds.
const TENTH: i64 = 100;

/// Upper bound for the distance of our numbers from the wall clock, in milliseconds.
const MAX_ERROR: u64 = 1000;

/// Upper bound for the difference of two clocks that count as equal, in milliseconds.
const MAX_CLOCK_DIFFERENCE: i64 = 100;

/// The wall clock, derived from the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::protocol) struct WallClock {
    /// The time that the wall clock showed when the monotonic clock began, in milliseconds since
    /// [`ERA`].
    start: i64,
}

impl WallClock {
    /// Sets the wall clock to `unix`, the time since 1970.
    ///
    /// A clock that nobody has set yet, as on a machine that keeps no time while it is off, shows a
    /// time before [`ERA`]. It is ignored: ours runs on, from the start of the era if it was never
    /// set.
    pub(in crate::protocol) fn set(&mut self, now: Time, unix: Duration) {
        let shown = unix.as_millis() as i64 - ERA;
        if shown >= 0 {
            self.start = shown - millis(now);
        }
    }

    /// Returns by how many milliseconds the wall clock is ahead of the monotonic one, from [`ERA`]
    /// on.
    pub(in crate::protocol) fn offset(self) -> i64 {
        self.start
    }

    /// Returns what the wall clock shows, in milliseconds since [`ERA`].
    pub(in crate::protocol) fn shows(self, now: Time) -> i64 {
        self.start + millis(now)
    }

    /// Returns by how many milliseconds the moment at which a packet was sent is ahead of now.
    pub(in crate::protocol) fn ahead(self, now: Time, epoch: u32, sent: u32) -> i64 {
        let now = self.start + millis(now);
        let epochs = epoch.wrapping_sub(now.div_euclid(TENTH) as u32) as i32;
        i64::from(epochs) * TENTH + i64::from(sent) - now.rem_euclid(TENTH)
    }
}

/// The numbers of our packets. The time is what has passed here, without jumps back.
#[derive(Debug)]
pub(in crate::protocol) struct Numbering {
    /// In tenths of a second since [`ERA`].
    epoch: i64,
    /// The time at which the epoch began, in milliseconds.
    began: i64,
    /// The milliseconds by which our numbers are ahead of our wall clock, because those of others
    /// are.
    lead: i64,
    /// The part of that which was added within this epoch.
    followed: i64,
    seq: u32,
    /// The time at which the last packet without a number was sent.
    unnumbered: Option<u32>,
    /// True if other nodes may have heard of this epoch, or of one shortly before it.
    known: bool,
}

impl Numbering {
    pub(in crate::protocol) fn new(now: Time, wall: WallClock) -> Self {
        Self::ahead(now, wall, 0)
    }

    /// Begins an epoch that is `lead` milliseconds ahead of the wall clock.
    fn ahead(now: Time, wall: WallClock, lead: i64) -> Self {
        let wall_now = wall.start + millis(now);
        Self {
            // The epoch of the next run must be later.
            epoch: wall_now.div_euclid(TENTH),
            began: millis(now) - wall_now.rem_euclid(TENTH) - lead,
            lead,
            followed: 0,
            seq: 0,
            unnumbered: None,
            known: false,
        }
    }

    /// Begins a new epoch, which is later than this one if other nodes may know this one.
    pub(in crate::protocol) fn renew(&mut self, now: Time, wall: WallClock) {
        let last = self.known.then_some(self.epoch);
        *self = Self::ahead(now, wall, self.lead);
        if let Some(last) = last
            && self.epoch <= last
        {
            self.epoch = last + 1;
            self.began = millis(now) - self.lead;
        }
    }

    /// Begins an epoch under an id of which no node knows one. Its first numbers, `reissued` of
    /// them, belong to packets that left lately under another id, so the epoch begins before those
    /// left. Returns how many there are: none, if the clock was set since then.
    pub(in crate::protocol) fn begin_first(
        &mut self,
        now: Time,
        wall: WallClock,
        reissued: u32,
    ) -> u32 {
        let offset = self.offset();
        *self = Self::ahead(now, wall, self.lead);
        if reissued == 0 || (self.offset() - offset).abs() > MAX_CLOCK_DIFFERENCE {
            return 0;
        }
        let before = REISSUED_WITHIN.as_millis() as i64;
        self.epoch -= before / TENTH;
        self.began -= before;
        self.seq = reissued;
        reissued
    }

    /// Converts the time at which a packet left in one epoch to another `epoch`.
    pub(in crate::protocol) fn reissue((then, sent): (u32, u32), epoch: u32) -> u32 {
        let earlier = epoch.wrapping_sub(then) as i32;
        let sent = i64::from(sent) - i64::from(earlier) * TENTH;
        sent.clamp(0, i64::from(u32::MAX)) as u32
    }

    /// Makes this epoch later than `epoch`, the one of the run before.
    pub(in crate::protocol) fn begin_after(&mut self, epoch: u32) {
        let by = epoch.wrapping_sub(self.epoch()) as i32;
        if by >= 0 {
            self.epoch += i64::from(by) + 1;
            self.known = true;
        }
    }

    /// Returns whether the wall clock was set, or has drifted away.
    pub(in crate::protocol) fn is_off(&self, now: Time, wall: WallClock) -> bool {
        let wall_now = wall.start + millis(now);
        let ours = millis(now) + self.offset();
        (wall_now + self.lead).abs_diff(ours) > MAX_ERROR
    }

    /// Returns whether an epoch that begins now would be later than this one to nodes that know
    /// this one. One that is further ahead than half of all numbers counts as earlier.
    pub(in crate::protocol) fn can_renew(&self, now: Time, wall: WallClock) -> bool {
        let later = (wall.start + millis(now)).div_euclid(TENTH) - self.epoch;
        !self.known || (1..=i64::from(i32::MAX)).contains(&later)
    }

    /// Returns whether the numbers of this epoch are used up.
    pub(in crate::protocol) fn is_used_up(&self, now: Time) -> bool {
        self.seq == u32::MAX || millis(now) - self.began >= i64::from(u32::MAX)
    }

    pub(in crate::protocol) fn epoch(&self) -> u32 {
        self.epoch as u32
    }

    /// Returns the number of the last packet, 0 before the first.
    pub(in crate::protocol) fn highest(&self) -> u32 {
        self.seq
    }

    /// Returns by how many milliseconds our numbers are ahead of the clock, from [`ERA`] on.
    pub(in crate::protocol) fn offset(&self) -> i64 {
        self.epoch * TENTH - self.began
    }

    /// Drops the lead over the wall clock once that was set: others were ahead of the old time.
    pub(in crate::protocol) fn clock_was_set(&mut self) {
        self.lead = 0;
    }

    /// Follows another node, whose numbers have this offset by our clock.
    ///
    /// If ours are behind, those of our next packets are not: of two announces the later one then
    /// comes from the node that has heard of the other, however its clock was set. A large step
    /// begins an epoch, because without one the other nodes would take our packets for those of
    /// another sender.
    pub(in crate::protocol) fn follow(&mut self, now: Time, wall: WallClock, offset: i64) {
        let behind = self.behind(offset);
        let ends = self.ends_to_follow(offset);
        self.lead += behind;
        self.followed += behind;
        if ends {
            self.renew(now, wall);
        } else {
            self.began -= behind;
        }
    }

    /// Returns whether following ends the epoch.
    pub(in crate::protocol) fn ends_to_follow(&self, offset: i64) -> bool {
        (self.followed + self.behind(offset)).unsigned_abs() > MAX_ERROR
    }

    /// Returns by how much we are to follow.
    fn behind(&self, offset: i64) -> i64 {
        let behind = offset - self.offset();
        if behind > MAX_CLOCK_DIFFERENCE {
            behind
        } else {
            0
        }
    }

    /// Numbers a packet that says what was at an earlier time of this epoch.
    pub(in crate::protocol) fn restate(&mut self, made: Time) -> (u32, u32) {
        self.seq += 1;
        self.known = true;
        (self.sent(made), self.seq)
    }

    /// Returns when the last packet without a number left, if one did.
    pub(in crate::protocol) fn last_without_number(&self) -> Option<u32> {
        self.unnumbered
    }

    /// Numbers the next packet. Returns when it leaves, and its number.
    pub(in crate::protocol) fn number(&mut self, now: Time) -> (u32, u32) {
        self.seq += 1;
        self.known = true;
        (self.sent(now), self.seq)
    }

    /// Returns when the next packet without a number leaves. No two leave at the same time.
    pub(in crate::protocol) fn without_number(&mut self, now: Time) -> u32 {
        let after = self.unnumbered.map_or(0, |last| last.saturating_add(1));
        let sent = self.sent(now).max(after);
        self.unnumbered = Some(sent);
        self.known = true;
        sent
    }

    fn sent(&self, now: Time) -> u32 {
        (millis(now) - self.began).clamp(0, i64::from(u32::MAX)) as u32
    }
}

/// Converts the time to whole milliseconds.
pub(in crate::protocol) fn millis(now: Time) -> i64 {
    (now.as_nanos() / 1_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn wall(now: Time, unix_millis: u64) -> WallClock {
        let mut wall = WallClock::default();
        wall.set(now, Duration::from_millis(unix_millis));
        wall
    }

    #[test]
    fn epoch_and_sent_are_the_time_on_the_wall() {
        let start = Time::START + SECOND * 7;
        let wall = wall(start, ERA as u64 + 123_456);
        let mut numbering = Numbering::new(start, wall);
        assert_eq!(numbering.epoch(), 1234);
        let (sent, seq) = numbering.number(start + SECOND);
        assert_eq!((sent, seq), (1056, 1));
        assert_eq!(wall.ahead(start + SECOND, 1234, sent), 0);
        assert_eq!(wall.ahead(start, 1234, sent), 1000);
        assert_eq!(wall.ahead(start + SECOND * 3, 1234, sent), -2000);
    }

    #[test]
    fn an_epoch_is_later_than_the_one_before_whatever_the_clock_says() {
        let now = Time::START + SECOND;
        let mut clock = wall(now, ERA as u64 + 5_000);
        let mut numbering = Numbering::new(now, clock);
        numbering.number(now);
        numbering.renew(now, clock);
        assert_eq!((numbering.epoch(), numbering.number(now)), (51, (0, 1)));
        clock = wall(now, ERA as u64 + 1_000);
        assert!(numbering.is_off(now, clock) && !numbering.can_renew(now, clock));
        numbering.renew(now + SECOND, clock);
        assert_eq!(numbering.epoch(), 52);
        assert_eq!(numbering.number(now + SECOND * 2), (1000, 1));
    }

    #[test]
    fn an_epoch_that_nobody_knows_may_begin_anew_at_any_time() {
        let now = Time::START + SECOND;
        let mut numbering = Numbering::new(now, wall(now, ERA as u64 + 5_000));
        let back = wall(now, ERA as u64 + 3_000);
        assert!(numbering.can_renew(now, back));
        numbering.renew(now, back);
        assert_eq!(numbering.epoch(), 30);
        numbering.begin_after(40);
        assert!(!numbering.can_renew(now, back));
    }

    #[test]
    fn a_clock_that_nobody_has_set_shows_the_beginning_of_the_era() {
        let now = Time::START + SECOND;
        for unix in [0, 5_000, ERA as u64 - 1] {
            assert_eq!(wall(now, unix).ahead(now, 10, 0), 0);
        }
        let mut clock = wall(now, ERA as u64 + 100_000);
        clock.set(now + SECOND, SECOND);
        assert_eq!(clock.ahead(now + SECOND, 1_010, 0), 0, "it runs on");
    }

    #[test]
    fn what_lies_further_ahead_than_half_of_all_epochs_is_not_later() {
        let now = Time::START;
        let mut numbering = Numbering::new(now, WallClock::default());
        numbering.number(now);
        for (epochs, later) in [(1 << 31, false), ((1 << 31) - 1, true)] {
            let clock = wall(now, ERA as u64 + epochs * 100);
            assert_eq!(numbering.can_renew(now, clock), later);
        }
    }

    #[test]
    fn a_clock_that_is_set_begins_an_epoch() {
        let now = Time::START + SECOND;
        let mut clock = wall(now, ERA as u64 + 5_000);
        let mut numbering = Numbering::new(now, clock);
        let later = now + SECOND * 60;
        for (unix_millis, off) in [
            (65_999, false),
            (66_001, true),
            (64_001, false),
            (7_000, true),
        ] {
            clock = wall(later, ERA as u64 + unix_millis);
            assert_eq!(numbering.is_off(later, clock), off, "{unix_millis}");
        }
        numbering.renew(later, clock);
        assert_eq!(
            (numbering.epoch(), numbering.is_off(later, clock)),
            (70, false)
        );
    }

    #[test]
    fn two_runs_within_a_tenth_of_a_second_have_two_epochs() {
        let now = Time::START;
        let clock = wall(now, ERA as u64 + 5_000);
        let mut numbering = Numbering::new(now, clock);
        numbering.begin_after(49);
        assert_eq!(numbering.epoch(), 50);
        numbering.begin_after(50);
        assert_eq!(numbering.epoch(), 51);
        numbering.begin_after(60);
        assert_eq!(numbering.epoch(), 61);
    }

    #[test]
    fn epochs_go_round() {
        let now = Time::START;
        let clock = wall(now, ERA as u64 + (u64::from(u32::MAX) + 3) * 100);
        let numbering = Numbering::new(now, clock);
        assert_eq!(numbering.epoch(), 2);
        assert_eq!(clock.ahead(now, u32::MAX, 0), -300);
    }

    #[test]
    fn no_two_packets_without_a_number_leave_at_the_same_time() {
        let mut numbering = Numbering::new(Time::START, WallClock::default());
        let sent = [0, 0, 1].map(|at| {
            let now = Time::START + Duration::from_millis(at);
            numbering.without_number(now)
        });
        assert_eq!(sent, [0, 1, 2]);
    }
}
