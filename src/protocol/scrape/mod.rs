//! The scrape sync protocol: a tracker that comes up empty learns the torrents of the cluster, and
//! all trackers learn the largest downloaded counts.
//!
//! | rule of the specification | here |
//! | --- | --- |
//! | "broadcast a beacon every LIVESYNC_BEACON_INTERVAL seconds" | [`Scrape`] |
//! | "it inquires for a scrape", "only the one with most torrents" | [`inquiry`] |
//! | "answers with as many scrape tell packets it needs" | [`telling`] |
//! | "its own scrape tell packets, if it knows more" | [`tell_back`] |

mod candidates;
mod inquiry;
mod limits;
mod refused;
mod state;
mod sync;
mod task;
mod tell_back;
mod telling;

use std::time::Duration;

use fastrand::Rng;

pub(super) use self::candidates::Candidate;
use self::inquiry::Inquiry;
use self::limits::{Cooldown, HoldUp};
use self::refused::RefusedTorrents;
pub(super) use self::sync::ScrapeSync;
use self::tell_back::TellBack;
use self::telling::{Telling, Walked};
use super::counters::ScrapeCounters;
use super::outbound::{Batch, Datagram, Destination, Kind};
use super::timers::{Timer, Timers};
use crate::config::Config;
use crate::types::{Cursor, InfoHash, Merged, Torrent, TrackerId};
use crate::wire::{Beacon, Inquire, PacketType};

pub use self::state::ScrapeState;
pub use self::task::Task;

/// The interval at which scrape tells leave.
const TICK: Duration = Duration::from_millis(10);

/// In this many ticks at most [`scrape_tell_packets`](Config::scrape_tell_packets) packets leave.
/// All of them in one burst would not fit into a receive buffer of the kernel's default size.
const TICKS: u32 = 10;

/// The scrape sync of one node.
#[derive(Debug)]
pub(super) struct Scrape {
    id: TrackerId,
    /// True if this node may send.
    speaks: bool,
    interval: Duration,
    scrape_tell_packets: u32,
    /// The number of the next tick, below [`TICKS`].
    next_tick: u32,
    inquiry: Inquiry,
    refused: RefusedTorrents,
    hold_up: HoldUp,
    cooldown: Cooldown,
    beacon_due: bool,
    decision_due: bool,
    counting: bool,
    telling: Option<Telling>,
    /// `None` until a walk of the host's gets stuck, then true until that is reported.
    stuck_walk: Option<bool>,
    tell_back: TellBack,
    batch: Batch<Torrent>,
    rng: Rng,
    /// The random part of the silence after another tracker's scrape tell.
    delay: Duration,
    pub(super) counters: ScrapeCounters,
}

impl Scrape {
    pub(super) fn new(
        id: TrackerId,
        longest: usize,
        mut rng: Rng,
        config: &Config,
        timers: &mut Timers,
    ) -> Self {
        if config.speak {
            timers.set_after(Timer::Beacon, config.first_beacon_delay);
        }
        let batch = Batch::new(id, PacketType::ScrapeTell, Kind::Torrents, longest);
        Self {
            id,
            speaks: config.speak,
            interval: config.beacon_interval,
            scrape_tell_packets: config.scrape_tell_packets,
            next_tick: 0,
            inquiry: Inquiry::new(config, rng.fork()),
            refused: RefusedTorrents::default(),
            hold_up: HoldUp::new(config.beacon_interval),
            cooldown: Cooldown::new(config.beacon_interval),
            beacon_due: false,
            decision_due: false,
            counting: false,
            telling: None,
            stuck_walk: None,
            tell_back: TellBack::new(config.remembered_torrents),
            batch,
            rng,
            delay: Duration::ZERO,
            counters: ScrapeCounters::default(),
        }
    }

    /// Returns what scrape sync does at the moment.
    pub(super) fn state(&self) -> ScrapeState {
        if self.telling.is_some() {
            ScrapeState::Telling
        } else if !self.inquiry.is_idle() {
            ScrapeState::Inquiring
        } else if !self.tell_back.is_empty() {
            ScrapeState::TellingBack
        } else {
            ScrapeState::Idle
        }
    }

    /// Sends under another id from now on.
    pub(super) fn rename(&mut self, id: TrackerId) {
        self.id = id;
        self.batch.rename(id);
    }

    /// Handles a beacon. When this node's own torrents are counted, it decides whether to inquire.
    pub(super) fn heard_beacon(&mut self, from: Candidate) {
        self.counters.beacons_heard += 1;
        if self.speaks {
            self.inquiry.heard(from);
        }
    }

    /// Handles an inquiry. "A second INQUIRE while telling is ignored", and so is one that comes
    /// after too many tellings of late.
    pub(super) fn heard_inquire(&mut self, inquire: Inquire, timers: &mut Timers) {
        self.counters.inquiries_heard += 1;
        if self.speaks
            && inquire.asked == self.id
            && self.telling.is_none()
            && self.cooldown.try_telling(timers.elapsed())
        {
            self.telling = Some(Telling::new());
            self.put_off_beacon(timers);
            let silence = timers.remaining(Timer::Silence);
            let wait = silence.max(timers.remaining(Timer::Tick));
            timers.set_after(Timer::Tell, wait);
        }
    }

    /// Handles a scrape tell of another tracker.
    ///
    /// "If it sees a `SYNC_SCRAPE_TELL` within that time frame, it's likely, that another scrape
    /// sync is going on. It should reset its state to needs no inquiry." And: "to not interrupt a
    /// scrape tell, a tracker should wait `LIVESYNC_BEACON_INTERVAL` after receiving a scrape
    /// tell." [`HoldUp`] limits that wait.
    pub(super) fn heard_tell(
        &mut self,
        from: TrackerId,
        timers: &mut Timers,
        send: &mut impl FnMut(Datagram),
    ) {
        let begins = !timers.is_running(Timer::Silence);
        self.refused.heard_tell(from, begins);
        if !self.hold_up.heard_tell(timers.elapsed()) {
            return;
        }
        self.inquiry.reset(timers);
        self.decision_due = false;
        match &mut self.telling {
            Some(telling) if telling.is_over() => {
                self.telling = None;
                timers.stop(Timer::Tell);
            }
            Some(telling) => telling.end_tick(),
            None => {}
        }
        self.tell_back.end_tick();
        // Torrents that were already read leave now, since they would be stale after the silence.
        self.batch.take().into_iter().for_each(send);
        self.put_off_beacon(timers);
        let silence = self.silence(timers);
        timers.set_after(Timer::Silence, silence);
        timers.put_off(Timer::Tell, silence);
        timers.put_off(Timer::TellBack, silence);
    }

    /// Handles what became of the torrents of a scrape tell in the table of the host.
    pub(super) fn handle_merged(&mut self, merged: &[(InfoHash, Merged)], timers: &mut Timers) {
        let mut failed = 0;
        for (info_hash, merged) in merged {
            self.counters.torrents_heard += 1;
            match merged {
                Merged::AsHeard => self.tell_back.forget(info_hash),
                Merged::KnownBetter => {
                    if self.speaks && !self.tell_back.remember(*info_hash) {
                        self.counters.torrents_not_remembered += 1;
                    }
                }
                Merged::Failed => failed += 1,
            }
        }
        self.counters.torrents_failed += failed;
        self.refused.add(timers.elapsed(), failed);
        if !self.tell_back.is_empty() && !timers.is_running(Timer::TellBack) {
            let silence = self.silence(timers);
            timers.set_after(Timer::TellBack, silence);
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, timers: &mut Timers) {
        if timers.take_due(Timer::Beacon) {
            self.beacon_due = true;
            if self.telling.is_some() {
                self.put_off_beacon(timers);
            }
        }
        if timers.take_due(Timer::Inquire) {
            self.decision_due = true;
        }
        timers.take_due(Timer::Silence);
        timers.take_due(Timer::Tick);
        if timers.take_due(Timer::Tell)
            && let Some(mut telling) = self.telling.take().filter(|telling| !telling.is_over())
        {
            telling.begin_tick(self.begin_scrape_tell_tick(Timer::Tell, timers));
            self.telling = Some(telling);
        }
        if timers.take_due(Timer::TellBack) && !self.tell_back.is_empty() {
            if self.telling.is_some() {
                // The telling may include them all. The rest waits for another silence.
                let silence = self.silence(timers);
                timers.set_after(Timer::TellBack, silence);
            } else {
                let torrents = self.begin_scrape_tell_tick(Timer::TellBack, timers);
                self.tell_back.begin_tick(torrents);
            }
        }
    }

    /// Returns what the host is to be asked next. Torrents are read only when there is `room` to
    /// send them.
    pub(super) fn poll_task(&mut self, room: bool) -> Option<Task> {
        let must_count = self.beacon_due || self.decision_due || self.inquiry.must_weigh();
        if must_count && !self.counting {
            self.counting = true;
            return Some(Task::CountTorrents);
        }
        if !room {
            return None;
        }
        let telling = self.telling.as_mut().and_then(Telling::poll_task);
        telling.or_else(|| self.tell_back.poll_task())
    }

    /// Handles the host's count of its torrents.
    pub(super) fn handle_torrent_count(
        &mut self,
        torrents: u64,
        timers: &mut Timers,
        send: &mut impl FnMut(Datagram),
    ) {
        self.counting = false;
        let now = timers.elapsed();
        let known = |id| torrents.saturating_add(self.refused.torrents(id, now));
        self.inquiry.weigh(known, timers);
        if std::mem::take(&mut self.decision_due)
            && let Some(asked) = self.inquiry.decide(known, timers)
        {
            self.refused.note_inquiry(asked, now);
            self.counters.inquiries_sent += 1;
            let inquire = Inquire { asked }.emit(self.id);
            send(Datagram::new(&inquire, Kind::Fixed).to(Destination::Node(asked)));
        }
        if std::mem::take(&mut self.beacon_due) {
            timers.set_after(Timer::Beacon, self.interval);
            if torrents <= Beacon::MAX_TORRENTS {
                self.counters.beacons_sent += 1;
                let beacon = Beacon { torrents }.emit(self.id);
                send(Datagram::new(&beacon, Kind::Fixed));
            }
        }
    }

    /// Handles a portion of torrents that the host has read. The walk goes on at `next`.
    pub(super) fn handle_walked(
        &mut self,
        torrents: &[Torrent],
        next: Option<Cursor>,
        timers: &mut Timers,
        send: &mut impl FnMut(Datagram),
    ) {
        let Some(telling) = &mut self.telling else {
            return;
        };
        match telling.walked(torrents.len(), next) {
            Walked::Tell => {}
            Walked::TellAndEnd => drop(self.stuck_walk.get_or_insert(true)),
            Walked::ReadAgain => return,
        }
        let over = telling.is_over();
        if over {
            timers.set_after(Timer::Tell, TICK * TICKS);
        }
        for torrent in torrents {
            self.tell_back.forget(&torrent.info_hash);
        }
        self.scrape_tell(torrents, over, send);
    }

    /// Returns true once after a walk of the host's got stuck for the first time.
    pub(super) fn take_stuck_walk(&mut self) -> bool {
        self.stuck_walk.as_mut().is_some_and(std::mem::take)
    }

    /// Handles the torrents that the host has looked up, of which it knows a larger count.
    pub(super) fn handle_looked_up(
        &mut self,
        torrents: &[Torrent],
        send: &mut impl FnMut(Datagram),
    ) {
        let torrents = self.tell_back.looked_up(torrents);
        self.scrape_tell(&torrents, self.tell_back.tick_is_over(), send);
    }

    /// Fills packets with `torrents`. A packet that is not full leaves only after the `last` ones.
    fn scrape_tell(&mut self, torrents: &[Torrent], last: bool, send: &mut impl FnMut(Datagram)) {
        for torrent in torrents.iter().filter(|torrent| torrent.is_plausible()) {
            self.counters.torrents_sent += 1;
            if self.batch.push(torrent) {
                self.batch.take().into_iter().for_each(&mut *send);
            }
        }
        if last {
            self.batch.take().into_iter().for_each(send);
        }
    }

    /// Begins a tick of scrape tells, and returns how many torrents may leave in it. "Beacons pause
    /// while we tell", and for an interval afterwards, as after another tracker's scrape tell.
    fn begin_scrape_tell_tick(&mut self, timer: Timer, timers: &mut Timers) -> usize {
        timers.set_after(timer, TICK);
        timers.set_after(Timer::Tick, TICK);
        self.put_off_beacon(timers);
        // The sum of any ten successive ticks is the allowed number, also if that is no multiple.
        let until = |tick: u32| {
            (u64::from(self.scrape_tell_packets) * u64::from(tick)).div_ceil(TICKS.into())
        };
        let packets = until(self.next_tick + 1) - until(self.next_tick);
        self.next_tick = (self.next_tick + 1) % TICKS;
        usize::try_from(packets).map_or(usize::MAX, |packets| {
            let torrents = packets.saturating_mul(self.batch.capacity());
            // A packet of an earlier tick may not be full yet.
            torrents.saturating_sub(self.batch.records())
        })
    }

    /// Puts the next beacon off by an interval, also one that is due and only waits for the
    /// torrents to be counted.
    fn put_off_beacon(&mut self, timers: &mut Timers) {
        if std::mem::take(&mut self.beacon_due) {
            timers.set_after(Timer::Beacon, self.interval);
        } else {
            timers.put_off(Timer::Beacon, self.interval);
        }
    }

    /// Returns the length of the silence after another tracker's scrape tell: an interval, "and a
    /// random delay so that not everybody speaks at once". The delay is drawn when the silence
    /// begins. If each packet drew another one, the longest of them would hold, at every tracker.
    fn silence(&mut self, timers: &Timers) -> Duration {
        if !timers.is_running(Timer::Silence) {
            self.delay = self.interval.mul_f64(self.rng.f64() / 2.0);
        }
        self.interval.saturating_add(self.delay)
    }
}
