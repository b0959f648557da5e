//! The handle, and how its functions enter the library.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use super::code::{
    self, LIVESYNC_E_ARGUMENT, LIVESYNC_E_FORKED, LIVESYNC_E_FULL, LIVESYNC_E_STATE,
    LIVESYNC_E_TRIPPED, LIVESYNC_OK,
};
use super::config::{LIVESYNC_LOG_OFF, livesync_config_t};
use super::init_config;
use super::questions::Questions;
use super::read_config::Settings;
use crate::error::{AnnounceError, SetupError};
use crate::host::callbacks::CallbackHost;
use crate::host::{Events, Host, Memory};
use crate::livesync::Livesync;
use crate::log::Level;
use crate::net::NoCancel;
use crate::types::{Announce, InfoHash, Peer, TrackerId};

/// A handle: this program's node in a cluster.
///
/// @since 0.1.0
#[allow(non_camel_case_types)]
pub struct livesync_t {
    pub(super) livesync: Livesync,
    /// True if the application polls events when it polls: it has neither callbacks for peers and
    /// torrents nor a table here.
    pub(super) by_events: bool,
    pub(super) events: Arc<Events>,
    /// The table, if the configuration asks for one.
    pub(super) table: Option<Arc<Memory>>,
    pub(super) questions: Questions,
    /// Held by a start, so that there is one at a time.
    pub(super) starting: Mutex<()>,
}

pub(super) fn open(settings: Settings) -> Result<livesync_t, SetupError> {
    #[cfg(feature = "want_sync_scrape")]
    let events = Arc::new(Events::with_scrape());
    #[cfg(not(feature = "want_sync_scrape"))]
    let events = Arc::new(Events::default());
    let by_events = settings.table.is_none() && !settings.callbacks.has_any_of_a_table();
    events.keep(false);
    let table = settings.table.map(|limits| Arc::new(Memory::new(limits)));
    let rest: Arc<dyn Host> = match &table {
        Some(table) => table.clone(),
        None => events.clone(),
    };
    let host = CallbackHost::new(settings.callbacks, rest);
    Ok(livesync_t {
        livesync: Livesync::open(settings.config, Arc::new(host))?,
        by_events,
        events,
        table,
        questions: Questions::new(),
        starting: Mutex::new(()),
    })
}

/// Runs `body` on a configuration, as [`with`] does on a handle. Errors are logged, and returned
/// as numbers.
///
/// # Safety
/// As for [`livesync_open`](super::lifecycle::livesync_open).
pub(super) unsafe fn with_settings<T>(
    config: *const livesync_config_t,
    body: impl FnOnce(Settings) -> Result<T, SetupError>,
) -> Result<T, c_int> {
    let _no_cancel = NoCancel::new();
    // SAFETY: the same preconditions.
    let config = unsafe { init_config::read(config) }.ok_or(LIVESYNC_E_ARGUMENT)?;
    catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the same preconditions.
        let done = unsafe { Settings::of(&config) }.and_then(body);
        done.map_err(|e| {
            if config.log_level != LIVESYNC_LOG_OFF {
                config.callbacks().log(Level::Error, &e.to_string());
            }
            code::of(&e)
        })
    }))
    .unwrap_or(Err(LIVESYNC_E_TRIPPED))
}

/// The id that the application chooses; with 0, a random one.
pub(super) fn id_of(tracker_id: u32) -> TrackerId {
    match tracker_id {
        0 => TrackerId::random(),
        id => TrackerId::from_host(id),
    }
}

impl livesync_t {
    /// Starts the handle, in the host loop or with a thread. Questions of the previous run are
    /// forgotten.
    pub(super) fn start(&self, polling: bool, id: TrackerId) -> c_int {
        // It is held during the callback `log`, which may call this function again.
        let Some(starting) = self.starting.try_lock() else {
            return LIVESYNC_E_STATE;
        };
        if !self.livesync.stats().is_some_and(|stats| stats.running) {
            self.events.keep(polling && self.by_events);
            self.questions.clear();
        }
        let started = if polling {
            self.livesync.start_polling(id)
        } else {
            self.livesync.start(id)
        };
        drop(starting);
        match started {
            Ok(()) => LIVESYNC_OK,
            Err(e) => {
                self.livesync.log(Level::Error, format_args!("{e}"));
                code::of(&e)
            }
        }
    }

    /// Takes an announce, which waits for room if it may.
    pub(super) fn announce(&self, info_hash: InfoHash, peer: Peer, may_wait: bool) -> c_int {
        if self.livesync.is_delivering_here() {
            return LIVESYNC_OK;
        }
        let announced = match may_wait {
            true => self.livesync.announce(info_hash, peer),
            false => self.livesync.try_announce(info_hash, peer),
        };
        match announced {
            Ok(()) => {}
            Err(AnnounceError::NotRunning) => return LIVESYNC_E_STATE,
            Err(AnnounceError::BadPeer) => return LIVESYNC_E_ARGUMENT,
            Err(AnnounceError::Full) => return LIVESYNC_E_FULL,
        }
        if let Some(table) = &self.table {
            table.announce(&Announce { info_hash, peer });
        }
        LIVESYNC_OK
    }
}

/// Runs `body` on a handle. No panic leaves it, and the thread is not cancelled inside.
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
pub(super) unsafe fn with(
    handle: *mut livesync_t,
    body: impl FnOnce(&livesync_t) -> c_int,
) -> c_int {
    let _no_cancel = NoCancel::new();
    // SAFETY: the same preconditions.
    unsafe { with_cancellable(handle, body) }
}

/// Runs `body` on a handle, as [`with`] does; `body` itself prevents that the thread is cancelled.
///
/// # Safety
/// As for [`with`].
pub(super) unsafe fn with_cancellable(
    handle: *mut livesync_t,
    body: impl FnOnce(&livesync_t) -> c_int,
) -> c_int {
    // SAFETY: the same preconditions.
    let Some(handle) = (unsafe { handle.as_ref() }) else {
        return LIVESYNC_E_ARGUMENT;
    };
    // This comes first: in a child of a fork, a thread that is not there may hold any lock.
    if handle.livesync.is_forked() {
        return LIVESYNC_E_FORKED;
    }
    if handle.livesync.is_tripped() {
        return LIVESYNC_E_TRIPPED;
    }
    match catch_unwind(AssertUnwindSafe(|| body(handle))) {
        // It was switched off during this call.
        Ok(LIVESYNC_E_STATE) if handle.livesync.is_tripped() => LIVESYNC_E_TRIPPED,
        Ok(answer) => answer,
        Err(_) => {
            handle.livesync.trip("a call of the host panicked");
            LIVESYNC_E_TRIPPED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::types::PeerFlags;

    #[test]
    fn a_call_during_which_a_handle_is_switched_off_says_so() {
        let events = Arc::new(Events::default());
        let config = Config::on([127, 0, 0, 1]).listen(false);
        let mut handle = livesync_t {
            livesync: Livesync::open(config, events.clone()).expect("open"),
            by_events: true,
            events,
            table: None,
            questions: Questions::new(),
            starting: Mutex::new(()),
        };
        let peer = Peer {
            ip: [192, 0, 2, 1].into(),
            port: 6881,
            flags: PeerFlags::SEEDING,
        };
        // SAFETY: the handle outlives the call.
        let code = unsafe {
            with(&mut handle, |handle| {
                handle.livesync.trip("a test");
                handle.announce(InfoHash([1; 20]), peer, true)
            })
        };
        assert_eq!(code, LIVESYNC_E_TRIPPED);
    }
}
