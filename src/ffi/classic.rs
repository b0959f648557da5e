//! The six functions of `ot_livesync.h`, over one handle for the process.

use std::ffi::c_char;
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use once_cell::sync::OnceCell;

use super::environment;
use crate::config::Config;
use crate::error::SetupError;
use crate::host::log_to_stderr;
use crate::host::opentracker::{Opentracker, exit_with_error, ot_hash, ot_peer};
use crate::livesync::Livesync;
use crate::log::Level;
use crate::net::{NoCancel, with_errno_kept};
use crate::types::InfoHash;

/// `int64` of libowfat, which the tracker is built with.
#[allow(non_camel_case_types)]
pub type int64 = i64;

static HANDLE: OnceCell<Livesync> = OnceCell::new();

static COMPLAINED: AtomicBool = AtomicBool::new(false);

/// Starts to sync: reads `g_tracker_id`, and starts the receive thread.
///
/// The thread has a stack of 2 MiB, on which the tracker's functions run that it
/// calls. It does not survive a fork, so daemon(3) comes before this.
///
/// To be called once, after livesync_bind_mcast(), from one thread; again only
/// after livesync_deinit(). Without a bind before it, when no thread can be started,
/// or in an opentracker that needs an adapter, it ends the process through the
/// tracker's exerr(). To know the latter it calls remove_peer_from_torrent() for a
/// torrent that nobody has.
///
/// A tracker that becomes a daemon may fork between the two, and go on in the child. In
/// a child that was forked later nothing is synced, as the log says once; there
/// livesync_bind_mcast() and livesync_init() end the process through exerr(), and the
/// other functions do nothing.
#[unsafe(no_mangle)]
pub extern "C" fn livesync_init() {
    set_up(|| {
        let tracker = Opentracker::find()?;
        let handle = HANDLE.get().ok_or(SetupError::NotBound)?;
        // SAFETY: this is livesync_init.
        unsafe { tracker.check_types() }?;
        handle.start(tracker.tracker_id())?;
        #[cfg(feature = "want_sync_scrape")]
        say_what_scrape_sync_misses(handle);
        Ok(())
    });
}

/// Stops to sync: when it returns, the tracker is not called any more, but that a
/// call which the tracker itself holds up may still come to its end.
///
/// It waits for calls of the tracker that go on, 150 ms at most. Without any it returns
/// as soon as the thread has sent what was told, after 0.1 ms as a rule, and after
/// 1 ms in any case, or 20 ms if LIVESYNC_LOG asks for the last line; so what the
/// thread cannot send by then is lost, if the process ends. It takes neither locks nor
/// memory, so it may be called from a signal handler that interrupted any code, and leaves
/// errno as it was. livesync_init() starts again with the same address.
#[unsafe(no_mangle)]
pub extern "C" fn livesync_deinit() {
    if let Some(handle) = HANDLE.get() {
        let _no_cancel = NoCancel::new();
        with_errno_kept(|| guard(|| handle.stop()));
    }
}

/// Joins the multicast group for listening, and creates the sending socket.
///
/// `ip` points at the raw bytes of the address of the interface to sync on, in
/// network byte order, not at text: 4 bytes, or 16 (IPv4-mapped) in a tracker
/// that has 16-byte addresses. They are copied. `port` is a number in host byte
/// order, not 0. For 0.0.0.0 the kernel chooses the interface.
///
/// Reads the LIVESYNC_... environment variables, here and never later: no other thread
/// may call setenv(3), putenv(3) or unsetenv(3) meanwhile. One that has a name that the
/// library does not know is an error.
///
/// To be called once, before livesync_init(), from one thread. On an error it
/// ends the process through the tracker's exerr().
///
/// # Safety
/// `ip` is either NULL, which is an error, or valid for reading those bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_bind_mcast(ip: *mut c_char, port: u16) {
    set_up(|| {
        let tracker = Opentracker::find()?;
        // SAFETY: as this function's contract says.
        let interface = unsafe { tracker.interface(ip) }?;
        let mut config = Config::on(interface).port(port);
        environment::read(&mut config)?;
        match HANDLE.get() {
            Some(handle) => handle.rebind(config),
            None => {
                let handle = Livesync::open(config, Arc::new(tracker))?;
                HANDLE.set(handle).map_err(|_| SetupError::AlreadyBound)
            }
        }
    });
}

/// Informs live sync about what is going on: an announce of a client.
///
/// Both arguments are copied. To be called from any thread, several at once,
/// also with the torrent's bucket locked. A call from inside of the tracker's own
/// functions while they apply what came from sync is ignored. Before
/// livesync_init() and after livesync_deinit() it does nothing. A peer that has port 0 or
/// address 0 is not told, but counted.
///
/// It takes no lock that threads share, never yields, and makes no system call, with these
/// exceptions. It wakes the receive thread if that sleeps because nothing was told for a
/// second, and when a burst begins: 1,024 announces of one thread wait. It sends itself what
/// waits if the tracker holds that thread up for longer than LIVESYNC_FLUSH_MS. And if 16,384
/// announces of one thread wait, because more is told than the network takes, it waits until
/// there is room.
///
/// # Safety
/// Each pointer is either NULL, and then nothing happens, or valid for reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_tell(info_hash: *mut ot_hash, peer: *const ot_peer) {
    if info_hash.is_null() || Opentracker::is_answer(info_hash.cast()) || peer.is_null() {
        return;
    }
    // SAFETY: neither is NULL, so both are valid; both are plain bytes.
    let (info_hash, peer) = unsafe { (info_hash.read(), peer.read()) };
    with_handle(|handle| {
        // Before livesync_init() and after livesync_deinit() there is nobody to tell; and a
        // peer that nobody can connect to is counted.
        let _ = handle.announce(InfoHash(info_hash), peer.into());
    });
}

/// Tickles live sync from time to time, so that no events get stuck when there
/// is not enough traffic to fill packets fast enough. The receive thread does
/// the same on time; so this may be called as often or as rarely as one likes. It takes a lock
/// only when that thread is 5 ms late, because the tracker holds it up or it has no processor;
/// otherwise it reads the clock and returns.
#[unsafe(no_mangle)]
pub extern "C" fn livesync_ticker() {
    let _no_cancel = NoCancel::new();
    with_handle(Livesync::tick);
}

/// Handles incoming packets, for trackers that watch a socket themselves:
/// receives what waits at `serversocket` and applies it, without blocking.
#[unsafe(no_mangle)]
pub extern "C" fn handle_livesync(serversocket: int64) {
    let Some(fd) = i32::try_from(serversocket).ok().filter(|fd| *fd >= 0) else {
        return;
    };
    // SAFETY: not negative; the tracker has it open during the call, and if not
    // the kernel says so.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let _no_cancel = NoCancel::new();
    with_handle(|handle| handle.receive_from(fd));
}

/// Runs `body` on the handle, if there is one that works in this process.
fn with_handle(body: impl FnOnce(&Livesync)) {
    match HANDLE.get() {
        Some(handle) if handle.is_forked() => complain(&SetupError::Forked),
        Some(handle) if !handle.is_tripped() => guard(|| body(handle)),
        Some(_) => {}
        None => guard(complain_without_tracker),
    }
}

/// Runs a part of the setup. Its errors end the process the tracker's way; in a
/// program without a tracker they are logged, and sync stays off.
fn set_up(body: impl FnOnce() -> Result<(), SetupError>) {
    let _no_cancel = NoCancel::new();
    guard(|| {
        if let Err(error) = body() {
            exit_with_error(&format!("livesync: {error}"));
            complain(&error);
        }
    });
}

/// A tracker without the bucket functions does without scrape sync.
#[cfg(feature = "want_sync_scrape")]
fn say_what_scrape_sync_misses(handle: &Livesync) {
    let missing = Opentracker::missing_for_scrape();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let message = format_args!("without scrape sync: this program does not define {missing}");
        handle.log(Level::Warn, message);
    }
}

/// Without a bind the calls of a tracker do nothing, and that is as it should be;
/// those of a program that is no tracker never will.
fn complain_without_tracker() {
    if !COMPLAINED.load(Ordering::Relaxed)
        && let Err(error) = Opentracker::find()
    {
        complain(&error);
    }
}

/// Says once why sync is off.
fn complain(error: &SetupError) {
    if !COMPLAINED.swap(true, Ordering::Relaxed) {
        log_to_stderr(Level::Error, &format!("{error}; sync is off"));
    }
}

/// Sees that no panic crosses the border.
fn guard(body: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(body)).is_err()
        && let Some(handle) = HANDLE.get()
    {
        handle.trip("a call of the tracker panicked");
    }
}
