//! What an engine says in the log of its host.

use std::fmt;

use super::engine::Engine;
use super::in_host::InHost;
use super::sync::atomic::Ordering;
use crate::log::Level;
use crate::reject::Reject;

impl Engine {
    /// "On" proves nothing: somebody should look.
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
                "we speak, and hear nobody who proves to be of our cluster: {sent} packets sent since \
                 the start, {from_others} arrived from others, {unauthenticated} of them without proof. Do \
                 all trackers have this key, this cluster name, and the right time?",
            )),
            0 => self.warn(format_args!(
                "we speak, and hear nobody: {sent} packets sent since the start, {from_others} arrived \
                 from others. Do all trackers use this group, port and network? Does a firewall \
                 drop multicast, or a switch (IGMP snooping without a querier)?{}",
                hint.unwrap_or_default(),
            )),
            not_allowed => self.warn(format_args!(
                "we speak, and hear nobody who may speak to us: {sent} packets sent since the \
                 start, {from_others} arrived from others, {not_allowed} of them from sources that \
                 are not allowed to speak",
            )),
        }
    }

    /// Logs what is of this level or more serious from now on.
    pub(super) fn set_log_level(&self, level: Level) {
        self.log_level.store(level as u8, Ordering::SeqCst);
    }

    /// Whether what is of this level is logged.
    pub(super) fn logs(&self, level: Level) -> bool {
        level as u8 <= self.log_level.load(Ordering::SeqCst)
    }

    /// Logs a warning, unless we are stopping.
    pub(super) fn warn(&self, message: fmt::Arguments<'_>) {
        self.log_unless_stopping(Level::Warn, message);
    }

    /// Logs, unless we are stopping.
    pub(super) fn log_unless_stopping(&self, level: Level, message: fmt::Arguments<'_>) {
        self.log_as_allowed(level, message, || self.run.enter_host());
    }

    /// Logs, also while we are stopping.
    pub(crate) fn log(&self, level: Level, message: fmt::Arguments<'_>) {
        self.log_as_allowed(level, message, || Some(self.run.enter_host_to_log()));
    }

    /// It may take its time: until whoever drives us sleeps again, tellers see to it that
    /// what they tell leaves.
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
