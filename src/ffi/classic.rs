//! The six functions of `ot_livesync.h`, with one handle for the process.

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

/// `int64` of libowfat, with which the tracker is built.
#[allow(non_camel_case_types)]
pub type int64 = i64;

static HANDLE: OnceCell<Livesync> = OnceCell::new();

/// True once the log has the reason why sync is off.
static COMPLAINED: AtomicBool = AtomicBool::new(false);

/// Starts syncing: reads `g_tracker_id`, and starts the receive thread.
///
/// Call it once, after livesync_bind_mcast(), and again only after livesync_deinit().
///
/// On an error it ends the process through the tracker's exerr(). The errors are:
/// livesync_bind_mcast() was not called; this function was called twice; the thread cannot be
/// started; this opentracker needs an adapter; or, after livesync_deinit(), the tracker still holds
/// up a call of the old thread, or the group cannot be joined again. To find out about the adapter
/// it calls remove_peer_from_torrent() for a torrent that does not exist.
///
/// The thread has a stack of 2 MiB, on which it calls functions of the tracker. It does not survive
/// a fork: a tracker that becomes a daemon may fork after livesync_bind_mcast(), and calls this in
/// the child. In a child that was forked later nothing is synced, and the log says so once; there
/// livesync_bind_mcast() and livesync_init() end the process through exerr(), and the other
/// functions do nothing.
///
/// @note Call it from one thread, and from no signal handler. It does not block, except that after
/// livesync_deinit() it waits for the old thread.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn livesync_init() {
    set_up(|| {
        let tracker = Opentracker::find()?;
        let handle = HANDLE.get().ok_or(SetupError::NotBound)?;
        // SAFETY: this is livesync_init.
        unsafe { tracker.check_types() }?;
        handle.start(tracker.tracker_id())?;
        #[cfg(feature = "want_sync_scrape")]
        warn_without_scrape(handle);
        Ok(())
    });
}

/// Stops syncing.
///
/// After it has returned, the library calls no function of the tracker; only a call that the tracker
/// itself holds up may still be running. Announces that the thread could not send by then are lost
/// if the process ends. livesync_init() starts again with the same address.
///
/// @note Any thread may call it. A signal handler may call it whatever it has interrupted: it takes
/// neither locks nor memory and leaves errno as it was.
/// @note It waits for up to 150 ms for calls of the tracker's functions that are running. If none
/// is, it waits until the thread has sent what was announced: 0.1 ms usually, 1 ms at most, or
/// 20 ms at most if LIVESYNC_LOG asks for the last line.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn livesync_deinit() {
    if let Some(handle) = HANDLE.get() {
        let _no_cancel = NoCancel::new();
        with_errno_kept(|| guard(|| handle.stop()));
    }
}

/// Joins the multicast group for listening, and creates the sending socket.
///
/// Call it once, before livesync_init(). It reads the LIVESYNC_... environment variables, and no
/// other function reads them; a variable with an unknown name is an error. On an error it ends the
/// process through the tracker's exerr().
///
/// @param ip The address of the interface to sync on: not text, but raw bytes in network byte order,
/// 4 of them, or 16 (IPv4-mapped) in a tracker with 16-byte addresses. They are copied. For 0.0.0.0
/// the kernel chooses the interface. NULL is an error.
/// @param port The port of the group, in host byte order. Minimum: 1.
/// @note Call it from one thread, and from no signal handler; meanwhile no other thread may call
/// setenv(3), putenv(3) or unsetenv(3). It reads the key file, and apart from that it does not
/// block.
/// @since 0.1.0
///
/// # Safety
/// `ip` is NULL, or points to so many readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_bind_mcast(ip: *mut c_char, port: u16) {
    set_up(|| {
        let tracker = Opentracker::find()?;
        // SAFETY: the same preconditions.
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
/// Both arguments are copied. The library ignores a call from inside the tracker's functions that it
/// calls itself, since the cluster knows that peer already. Before livesync_init() and after
/// livesync_deinit() a call does nothing. A peer with port 0 or address 0 is counted, not sent.
///
/// @param info_hash The torrent. With NULL nothing happens.
/// @param peer The peer. With NULL nothing happens.
/// @note Any thread may call it, several at once, also with the bucket of the torrent locked. No
/// signal handler may call it.
/// @note It takes no lock that threads share, never yields, and makes no system call, with three
/// exceptions. It wakes the receive thread if that sleeps because nothing was announced for a
/// second, and at the start of a burst, when 1,024 announces of one thread wait. It sends what
/// waits itself if the tracker holds the receive thread up for longer than LIVESYNC_FLUSH_MS. It
/// blocks if 16,384 announces of one thread wait because the network takes fewer, until there is
/// room.
/// @since 0.1.0
///
/// # Safety
/// Each pointer is NULL, or points to a value that the caller may read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_tell(info_hash: *mut ot_hash, peer: *const ot_peer) {
    if info_hash.is_null() || Opentracker::is_answer(info_hash.cast()) || peer.is_null() {
        return;
    }
    // SAFETY: neither is NULL, so both are valid; both are plain bytes.
    let (info_hash, peer) = unsafe { (info_hash.read(), peer.read()) };
    with_handle(|handle| {
        // It fails before livesync_init(), after livesync_deinit(), and for a peer that no client
        // can connect to, which is counted.
        let _ = handle.announce(InfoHash(info_hash), peer.into());
    });
}

/// Tickles live sync from time to time, so that no events get stuck when there is not enough traffic
/// to fill packets fast enough.
///
/// The receive thread does the same on time, so a tracker may call this as often or as rarely as it
/// likes.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It reads the clock
/// and returns, unless the receive thread is 5 ms late, because the tracker holds it up or it gets
/// no processor; then this takes a lock, and may call functions of the tracker.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn livesync_ticker() {
    let _no_cancel = NoCancel::new();
    with_handle(Livesync::tick);
}

/// Handles incoming live sync packets, for trackers that watch a socket themselves.
///
/// It receives what waits at the socket, and applies it by functions of the tracker.
///
/// @param serversocket The descriptor of the socket. With a negative one nothing happens.
/// @note Any thread may call it, several at once. No signal handler may call it. It does not block
/// on the socket, but for as long as a function of the tracker does.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn handle_livesync(serversocket: int64) {
    let Some(fd) = i32::try_from(serversocket).ok().filter(|fd| *fd >= 0) else {
        return;
    };
    // SAFETY: not negative; the tracker has it open during the call, and if not
    // the kernel reports it.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let _no_cancel = NoCancel::new();
    with_handle(|handle| handle.receive_from(fd));
}

/// Runs `body` on the handle, if this process has one that works.
fn with_handle(body: impl FnOnce(&Livesync)) {
    match HANDLE.get() {
        Some(handle) if handle.is_forked() => complain(&SetupError::Forked),
        Some(handle) if !handle.is_tripped() => guard(|| body(handle)),
        Some(_) => {}
        None => guard(complain_without_tracker),
    }
}

/// Runs a part of the setup. An error ends the process through the tracker's exerr(); in a program
/// that is no tracker it is logged, and sync stays off.
fn set_up(body: impl FnOnce() -> Result<(), SetupError>) {
    let _no_cancel = NoCancel::new();
    guard(|| {
        if let Err(error) = body() {
            exit_with_error(&format!("livesync: {error}"));
            complain(&error);
        }
    });
}

/// Warns about a tracker that lacks the bucket functions, and so takes no part in scrape sync.
#[cfg(feature = "want_sync_scrape")]
fn warn_without_scrape(handle: &Livesync) {
    let missing = Opentracker::missing_for_scrape();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let message = format_args!("without scrape sync: this program does not define {missing}");
        handle.log(Level::Warn, message);
    }
}

/// Logs an error if this program is no tracker. In a tracker that has not called
/// livesync_bind_mcast(), calls do nothing, and rightly.
fn complain_without_tracker() {
    if !COMPLAINED.load(Ordering::Relaxed)
        && let Err(error) = Opentracker::find()
    {
        complain(&error);
    }
}

/// Logs once why sync is off.
fn complain(error: &SetupError) {
    if !COMPLAINED.swap(true, Ordering::Relaxed) {
        log_to_stderr(Level::Error, &format!("{error}; sync is off"));
    }
}

/// Runs `body`, and lets no panic through to C.
fn guard(body: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(body)).is_err()
        && let Some(handle) = HANDLE.get()
    {
        handle.trip("a call of the tracker panicked");
    }
}
