//! Under which numbers our packets leave: epoch, seq, and when.

use std::time::Duration;

use crate::time::Time;

/// Epochs are counted from here: 2024-01-01 00:00 UTC, in milliseconds since 1970.
const ERA: i64 = 1_704_067_200_000;

/// An epoch is a tenth of a second.
const TENTH: i64 = 100;

/// How far our numbers may be from the time on the wall, in milliseconds.
const MAX_ERROR: u64 = 1000;

/// What the clock on the wall shows, by way of the clock that only runs on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WallClock {
    /// What it showed when the other clock began, in milliseconds since [`ERA`].
    start: i64,
}

impl WallClock {
    /// It shows that now so much time has passed since 1970.
    pub(super) fn set(&mut self, now: Time, unix: Duration) {
        self.start = unix.as_millis() as i64 - ERA - millis(now);
    }

    /// By how many milliseconds the moment at which a packet was sent lies ahead of
    /// now.
    pub(super) fn ahead(self, now: Time, epoch: u32, sent: u32) -> i64 {
        let now = self.start + millis(now);
        let epochs = epoch.wrapping_sub(now.div_euclid(TENTH) as u32) as i32;
        i64::from(epochs) * TENTH + i64::from(sent) - now.rem_euclid(TENTH)
    }
}

/// The numbers of our packets. Time is what has passed here, jumps back left out.
#[derive(Debug)]
pub(super) struct Numbering {
    /// In tenths of a second since [`ERA`].
    epoch: i64,
    /// When the epoch began, in milliseconds.
    began: i64,
    seq: u32,
    /// When the last packet without a number was sent.
    unnumbered: Option<u32>,
}

impl Numbering {
    pub(super) fn new(now: Time, wall: WallClock) -> Self {
        let wall_now = wall.start + millis(now);
        let epoch = wall_now.div_euclid(TENTH);
        Self {
            epoch,
            began: millis(now) - wall_now.rem_euclid(TENTH),
            seq: 0,
            unnumbered: None,
        }
    }

    /// Begins an epoch that is later than this one.
    pub(super) fn renew(&mut self, now: Time, wall: WallClock) {
        let last = self.epoch;
        *self = Self::new(now, wall);
        if self.epoch <= last {
            self.epoch = last + 1;
            self.began = millis(now);
        }
    }

    /// Goes on with an epoch that is later than this one, too.
    pub(super) fn begin_after(&mut self, epoch: u32) {
        let by = epoch.wrapping_sub(self.epoch()) as i32;
        if by >= 0 {
            self.epoch += i64::from(by) + 1;
        }
    }

    /// Whether the clock on the wall was set, or has drifted away.
    pub(super) fn is_off(&self, now: Time, wall: WallClock) -> bool {
        let wall_now = wall.start + millis(now);
        let ours = self.epoch * TENTH + millis(now) - self.began;
        wall_now.abs_diff(ours) > MAX_ERROR
    }

    /// Whether an epoch that begins now would be later than this one.
    pub(super) fn can_renew(&self, now: Time, wall: WallClock) -> bool {
        (wall.start + millis(now)).div_euclid(TENTH) > self.epoch
    }

    /// Whether the numbers of this epoch come to an end.
    pub(super) fn is_used_up(&self, now: Time) -> bool {
        self.seq == u32::MAX || millis(now) - self.began >= i64::from(u32::MAX)
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch as u32
    }

    /// The number of the last packet, 0 before the first.
    pub(super) fn highest(&self) -> u32 {
        self.seq
    }

    /// When and as which one the next packet leaves.
    pub(super) fn number(&mut self, now: Time) -> (u32, u32) {
        self.seq += 1;
        (self.sent(now), self.seq)
    }

    /// When the next packet leaves that is not numbered; no two at the same time.
    pub(super) fn without_number(&mut self, now: Time) -> u32 {
        let after = self.unnumbered.map_or(0, |last| last.saturating_add(1));
        let sent = self.sent(now).max(after);
        self.unnumbered = Some(sent);
        sent
    }

    fn sent(&self, now: Time) -> u32 {
        (millis(now) - self.began).clamp(0, i64::from(u32::MAX)) as u32
    }
}

fn millis(now: Time) -> i64 {
    now.since(Time::START).as_millis() as i64
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
        numbering.renew(now, clock);
        assert_eq!((numbering.epoch(), numbering.number(now)), (51, (0, 1)));
        clock.set(now, SECOND);
        assert!(numbering.is_off(now, clock) && !numbering.can_renew(now, clock));
        numbering.renew(now + SECOND, clock);
        assert_eq!(numbering.epoch(), 52);
        assert_eq!(numbering.number(now + SECOND * 2), (1000, 1));
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
