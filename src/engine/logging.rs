//! Log lines of an engine, which its host writes.

use std::fmt;

use super::engine::Engine;
use super::in_host::InHost;
use super::sync::atomic::Ordering;
use crate::log::Level;
use crate::reject::Reject;

impl Engine {
    /// Logs a warning that this node sends and hears no other node. That sync is on does not show
    /// that it works, so an operator should look into it.
    pub(super) fn warn_of_isolation(&self) {
        let state = self.lock();
        let Some(live) = &state.live else { return };
        let hint = live.links.iter().find_map(|link| link.filter_hint());
        let hint = hint.map(|hint| format!(" On this host {hint}."));
        let counters = live.node.counters();
        drop(state);
        let sent = counters.packets_out;
        let from_others = counters.packets_in - counters.drops.of(Reject::OwnPacket);
        let unauthenticated = counters.drops.without_proof();
        match counters.drops.of(Reject::NotAllowed) {
            0 if unauthenticated > 0 => self.warn(format_args!(
                "this tracker sends and hears no other of its cluster: since the start it has sent \
                 {sent} packets, and {from_others} have arrived from others, {unauthenticated} of \
                 them unauthenticated. Check that all trackers have this key, this cluster name, \
                 and the right time.",
            )),
            0 => self.warn(format_args!(
                "this tracker sends and hears no other: since the start it has sent {sent} \
                 packets, and {from_others} have arrived from others. Check that all trackers use \
                 this group, port and network, and that neither a firewall nor a switch (IGMP \
                 snooping without a querier) drops multicast.{}",
                hint.unwrap_or_default(),
            )),
            not_allowed => self.warn(format_args!(
                "this tracker sends and hears no other that is allowed: since the start it has \
                 sent {sent} packets, and {from_others} have arrived from others, {not_allowed} \
                 of them from sources that are not allowed. Check which addresses are allowed.",
            )),
        }
    }

    /// Sets the level up to which lines are logged.
    pub(super) fn set_log_level(&self, level: Level) {
        self.log_level.store(level as u8, Ordering::SeqCst);
    }

    /// Returns whether lines of this level are logged.
    pub(super) fn logs(&self, level: Level) -> bool {
        level as u8 <= self.log_level.load(Ordering::SeqCst)
    }

    /// Logs a warning, unless the run is stopping.
    pub(super) fn warn(&self, message: fmt::Arguments<'_>) {
        self.log_unless_stopping(Level::Warn, message);
    }

    /// Logs a line, unless the run is stopping.
    pub(super) fn log_unless_stopping(&self, level: Level, message: fmt::Arguments<'_>) {
        self.log_as_allowed(level, message, || self.run.enter_host());
    }

    /// Logs a line, even while the run is stopping.
    pub(crate) fn log(&self, level: Level, message: fmt::Arguments<'_>) {
        self.log_as_allowed(level, message, || Some(self.run.enter_host_to_log()));
    }

    /// Logs a line if `enter` lets this thread into the host.
    ///
    /// The host may take long to log it. So until the event loop sleeps again, threads that
    /// announce send what is late themselves.
    fn log_as_allowed<'a>(
        &'a self,
        level: Level,
        message: fmt::Arguments<'_>,
        enter: impl FnOnce() -> Option<InHost<'a>>,
    ) {
        if self.logs(level) {
            self.queue.loop_is_away(true);
            let message = message.to_string();
            if let Some(_in_host) = enter() {
                self.host.log(level, &message);
            }
        }
    }
}
