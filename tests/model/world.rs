//! The engine's environment: a network, and the time. Each schedule has its own.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Condvar, Mutex, MutexGuard};

use crate::time::Time;

/// Time for which the network takes no packets after it has refused one.
pub(super) const REFUSAL: Duration = Duration::from_millis(5);

shuttle::lazy_static! {
    pub(super) static ref WORLD: World = World {
        state: Mutex::new(State::default()),
        changed: Condvar::new(),
    };
}

pub(super) struct World {
    state: Mutex<State>,
    changed: Condvar,
}

/// The result of a wait.
pub(super) struct Ready {
    pub(super) to_receive: bool,
    pub(super) to_send: bool,
    pub(super) woken: bool,
}

struct State {
    now: Time,
    looks: u64,
    /// The ends of the running waits.
    alarms: Vec<Time>,
    woken: bool,
    arrived: VecDeque<Vec<u8>>,
    arrived_at_host: VecDeque<Vec<u8>>,
    sent: Vec<(Time, Vec<u8>)>,
    refusing: bool,
    refuses_until: Time,
    refusals: u32,
    members: u32,
    senders: u32,
    waiters: u32,
    /// Number of waits so far.
    waits: u32,
    faults: Vec<String>,
    /// The beginnings of faults that this test allows.
    forgiven: Vec<&'static str>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            now: Time::START,
            looks: 0,
            alarms: Vec::new(),
            woken: false,
            arrived: VecDeque::new(),
            arrived_at_host: VecDeque::new(),
            sent: Vec::new(),
            refusing: false,
            refuses_until: Time::START,
            refusals: 0,
            members: 0,
            senders: 0,
            waiters: 0,
            waits: 0,
            faults: Vec::new(),
            forgiven: Vec::new(),
        }
    }
}

impl State {
    fn fault_if(&mut self, fault: bool, what: &str) {
        if fault {
            self.faults.push(what.to_owned());
        }
    }
}

/// The network, as `net` uses it.
impl World {
    pub(super) fn join(&self) {
        let mut state = self.lock();
        state.members += 1;
        let twice = state.members > 1;
        state.fault_if(twice, "joined the group twice");
        state.arrived.clear();
    }

    pub(super) fn leave(&self) {
        self.lock().members -= 1;
    }

    pub(super) fn send(&self, payload: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        state.senders += 1;
        let together = state.senders > 1;
        state.fault_if(together, "two threads send at once");
        drop(state);
        // Other threads run here.
        let mut state = self.lock();
        state.senders -= 1;
        if state.refusing && state.now >= state.refuses_until && thread_rng().gen_ratio(1, 3) {
            state.refuses_until = state.now + REFUSAL;
            state.refusals += 1;
        }
        if state.now < state.refuses_until {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let now = state.now;
        state.sent.push((now, payload.to_vec()));
        Ok(())
    }

    /// Returns a packet of the group; or, `at_host`, from a socket of the tracker's own.
    pub(super) fn receive(&self, at_host: bool) -> Option<Vec<u8>> {
        let mut state = self.lock();
        if at_host {
            state.arrived_at_host.pop_front()
        } else {
            state.arrived.pop_front()
        }
    }

    /// Waits as poll(2) does, and if `writable` also until the network takes packets.
    pub(super) fn wait(&self, writable: bool, timeout: Option<Duration>) -> Ready {
        let mut state = self.lock();
        state.waiters += 1;
        let together = state.waiters > 1;
        state.fault_if(together, "two receive threads");
        let until = timeout.map_or(Time::NEVER, |timeout| state.now + timeout);
        let mut state = loop {
            if state.woken || !state.arrived.is_empty() || state.now >= until {
                break state;
            }
            let alarm = if !writable {
                until
            } else if state.now >= state.refuses_until {
                break state;
            } else {
                until.min(state.refuses_until)
            };
            state = self.wait_for_change(state, alarm);
        };
        state.waiters -= 1;
        state.waits += 1;
        Ready {
            to_receive: !state.arrived.is_empty(),
            to_send: writable && state.now >= state.refuses_until,
            woken: state.woken,
        }
    }

    pub(super) fn wake(&self) {
        self.lock().woken = true;
        self.changed.notify_all();
    }

    pub(super) fn drain(&self) {
        self.lock().woken = false;
    }
}

/// The time.
impl World {
    pub(super) fn now(&self) -> Time {
        self.lock().now
    }

    /// Returns the time of a clock that is so fine that it never shows the same time twice.
    pub(super) fn clock(&self) -> Time {
        let mut state = self.lock();
        state.looks += 1;
        state.now + Duration::from_nanos(state.looks)
    }

    pub(super) fn sleep(&self, duration: Duration) {
        let mut state = self.lock();
        let until = state.now + duration;
        while state.now < until {
            state = self.wait_for_change(state, until);
        }
    }

    fn wait_for_change<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        alarm: Time,
    ) -> MutexGuard<'a, State> {
        state.alarms.push(alarm);
        let mut state = self.changed.wait(state).expect("no panic");
        let ours = state.alarms.iter().position(|other| *other == alarm);
        state.alarms.swap_remove(ours.expect("our alarm"));
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }
}

/// The interface for tests.
#[cfg(test)]
impl World {
    /// Advances the time to the end of the next wait, and returns whether there was one.
    pub(super) fn let_time_pass(&self) -> bool {
        let mut state = self.lock();
        let next = state.alarms.iter().min().copied();
        let Some(next) = next.filter(|next| *next != Time::NEVER) else {
            return false;
        };
        state.now = next;
        drop(state);
        self.changed.notify_all();
        true
    }

    /// From now on the network refuses packets at times.
    pub(super) fn refuse_now_and_then(&self) {
        self.lock().refusing = true;
    }

    /// Delivers a packet of a neighbour, if we have joined the group.
    pub(super) fn arrives(&self, packet: Vec<u8>) {
        let mut state = self.lock();
        if state.members > 0 {
            state.arrived.push_back(packet);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Delivers a packet to the tracker's own socket.
    pub(super) fn arrives_at_host(&self, packet: Vec<u8>) {
        self.lock().arrived_at_host.push_back(packet);
    }

    pub(super) fn sent(&self) -> Vec<(Time, Vec<u8>)> {
        self.lock().sent.clone()
    }

    pub(super) fn waits(&self) -> u32 {
        self.lock().waits
    }

    pub(super) fn refusals(&self) -> u32 {
        self.lock().refusals
    }

    pub(super) fn fault(&self, what: &str) {
        self.lock().faults.push(what.to_owned());
    }

    /// From now on a fault that begins like this is allowed.
    pub(super) fn forgive(&self, what: &'static str) {
        self.lock().forgiven.push(what);
    }

    pub(super) fn assert_no_faults(&self) {
        let mut state = self.lock();
        let forgiven = std::mem::take(&mut state.forgiven);
        let is_forgiven = |fault: &String| forgiven.iter().any(|what| fault.starts_with(what));
        state.faults.retain(|fault| !is_forgiven(fault));
        assert!(state.faults.is_empty(), "{:?}", state.faults);
    }
}
