//! A handle's life, and what it is told.

use std::ffi::{c_char, c_int};
use std::os::fd::BorrowedFd;

use super::code::{self, LIVESYNC_E_ARGUMENT, LIVESYNC_E_FORKED, LIVESYNC_E_STATE, LIVESYNC_OK};
use super::config::{self, livesync_config_t};
use super::handle::{id_of, livesync_t, open, with, with_cancellable, with_settings};
use crate::host::callbacks::livesync_peer_t;
use crate::net::{NoCancel, with_errno_kept};
use crate::types::InfoHash;

/// The version of the library: 0x00MMmmpp for major, minor, patch.
#[unsafe(no_mangle)]
pub extern "C" fn livesync_version() -> u32 {
    const fn number(text: &str) -> u32 {
        let (bytes, mut i, mut number) = (text.as_bytes(), 0, 0);
        while i < bytes.len() {
            number = number * 10 + (bytes[i] - b'0') as u32;
            i += 1;
        }
        number
    }
    const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | number(env!("CARGO_PKG_VERSION_PATCH"));
    VERSION
}

/// The six functions of ot_livesync.h are in the library.
pub const LIVESYNC_FEATURE_CLASSIC: u64 = 1;
/// Scrape sync is in the library.
pub const LIVESYNC_FEATURE_SCRAPE: u64 = 2;

/// What is compiled into the library: LIVESYNC_FEATURE_... bits.
#[unsafe(no_mangle)]
pub extern "C" fn livesync_features() -> u64 {
    let mut features = 0;
    if cfg!(feature = "want_sync_live") {
        features |= LIVESYNC_FEATURE_CLASSIC;
    }
    if cfg!(feature = "want_sync_scrape") {
        features |= LIVESYNC_FEATURE_SCRAPE;
    }
    features
}

/// What an error number means, in English. Never NULL; the text is constant.
#[unsafe(no_mangle)]
pub extern "C" fn livesync_strerror(error: c_int) -> *const c_char {
    code::text(error).as_ptr()
}

/// Sets `config` to the defaults, and its size to `size`, which is
/// sizeof( livesync_config_t ) as the caller knows it.
///
/// Returns LIVESYNC_OK, or LIVESYNC_E_ARGUMENT.
///
/// # Safety
/// `config` is either NULL, or valid for writing `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_config_init(
    config: *mut livesync_config_t,
    size: usize,
) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe { config::init(config, size) }
}

/// Joins the group on the interface, as `config` says, and makes a handle of it.
/// Nothing is sent or applied yet. `config` is copied, with its strings.
///
/// The descriptors of a handle are never 0, 1 or 2, whatever of these is closed. So they
/// stay what they are when daemon(3) opens those anew. It forks as well: call it before
/// livesync_start().
///
/// Returns LIVESYNC_OK and stores the handle to `out`, to be given back to
/// livesync_close(); or an error, and nothing is left open. What is wrong is told to
/// the callback `log`, with the name of the field; but for LIVESYNC_E_ARGUMENT, which says
/// that a pointer is NULL or livesync_config_init() was not called.
///
/// # Safety
/// `config` is either NULL, or what livesync_config_init() has set and the caller has
/// changed since: strings are NULL or end with a zero byte, callbacks take the
/// arguments that are declared, from the threads that are declared. `out` is either NULL,
/// or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_open(
    config: *const livesync_config_t,
    out: *mut *mut livesync_t,
) -> c_int {
    if out.is_null() {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: as this function's contract says.
    let opened = unsafe { with_settings(config, open) };
    opened.map_or_else(
        |code| code,
        |handle| {
            // SAFETY: not NULL, so valid for writing.
            unsafe { out.write(Box::into_raw(Box::new(handle))) };
            LIVESYNC_OK
        },
    )
}

/// Starts to sync as tracker `tracker_id`, any number that no other tracker of the
/// cluster has; 0: one is drawn at random. A thread is started, from which callbacks
/// come. The thread takes no signals, has a stack of 2 MiB whatever the environment says,
/// and does not survive a fork, so neither daemon(3): fork before this. In a child that was
/// forked later every function of the handle returns LIVESYNC_E_FORKED.
/// What there is no callback for, and no table, is not kept.
///
/// After livesync_stop() it starts again.
///
/// Returns LIVESYNC_OK or a negative error; what is wrong is told to the callback `log`.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_start(handle: *mut livesync_t, tracker_id: u32) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe { with(handle, |handle| handle.start(false, id_of(tracker_id))) }
}

/// Tells the others of an announce of a client. Both arguments are copied. It may be
/// called from any thread, with locks held that the callbacks take: it calls nothing back.
/// A peer that leaves its swarm has the flag LIVESYNC_PEER_STOPPED. With a table it is
/// stored there, too.
///
/// It takes no lock that threads share, and makes no system call, with these exceptions.
/// It wakes the library's thread if that sleeps because nothing was announced for a
/// second, and when a burst begins: 1,024 announces of one thread wait. It sends itself
/// what waits if the callbacks hold that thread up for longer than `flush_ms`, or an
/// event loop comes that late. And if 16,384 announces of one thread wait, because more is
/// announced than the network takes, it waits until there is room: livesync_try_announce()
/// does not.
///
/// From inside of a callback of the same handle it does nothing and returns LIVESYNC_OK:
/// the cluster knows already.
///
/// Returns LIVESYNC_OK or a negative error; LIVESYNC_E_STATE if the handle is not started
/// or does not speak; LIVESYNC_E_ARGUMENT if the port of the peer is 0 or its address is
/// 0.0.0.0 or ::, so that no client can connect to it.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `info_hash` is
/// either NULL, or valid for reading 20 bytes; `peer` is either NULL, or valid for
/// reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_announce(
    handle: *mut livesync_t,
    info_hash: *const u8,
    peer: *const livesync_peer_t,
) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe { announce(handle, info_hash, peer, true) }
}

/// The same as livesync_announce(), but that it does not wait for room: then it returns
/// LIVESYNC_E_FULL, and the announce was not taken.
///
/// # Safety
/// As for livesync_announce().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_try_announce(
    handle: *mut livesync_t,
    info_hash: *const u8,
    peer: *const livesync_peer_t,
) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe { announce(handle, info_hash, peer, false) }
}

/// # Safety
/// As for livesync_announce().
unsafe fn announce(
    handle: *mut livesync_t,
    info_hash: *const u8,
    peer: *const livesync_peer_t,
    may_wait: bool,
) -> c_int {
    if info_hash.is_null() || peer.is_null() {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: neither is NULL, so both are valid; both are plain bytes.
    let (info_hash, peer) = unsafe { (info_hash.cast::<[u8; 20]>().read(), peer.read()) };
    // SAFETY: as this function's contract says.
    unsafe {
        // It guards its own system calls, which most announces do without.
        with_cancellable(handle, |handle| {
            handle.announce(InfoHash(info_hash), peer.into(), may_wait)
        })
    }
}

/// Does what is due, on this thread; callbacks come from inside of it. The library's own
/// thread does the same on time.
///
/// Returns LIVESYNC_OK or a negative error.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_tick(handle: *mut livesync_t) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |handle| {
            handle.livesync.tick();
            LIVESYNC_OK
        })
    }
}

/// Receives what waits at a socket of the caller's, and applies it on this thread,
/// without blocking; callbacks come from inside of it. It takes as much as was waiting
/// when it was called, which may be all that the socket's buffer holds.
///
/// Returns LIVESYNC_OK or a negative error.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_receive(handle: *mut livesync_t, fd: c_int) -> c_int {
    if fd < 0 {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: not negative; the caller has it open during the call, and if not the
    // kernel says so. And as this function's contract says.
    unsafe {
        let fd = BorrowedFd::borrow_raw(fd);
        with(handle, |handle| {
            handle.livesync.receive_from(fd);
            LIVESYNC_OK
        })
    }
}

/// Stops to sync. No callback begins after it has returned, but one that takes long
/// may still go on. What was announced and not sent yet is sent: by the library's thread,
/// or without one by the next livesync_process() or livesync_close(). That call logs the
/// last line, too; with a thread, livesync_close() does if the thread has not come to it
/// while the stop waited.
///
/// It waits for callbacks that run, but not for those that it is called from: 150 ms at most.
/// If none runs, it waits for the library's thread to send the rest and to end, 0.1 ms as
/// a rule and 1 ms at most; 20 ms if log_level is LIVESYNC_LOG_INFO or more,
/// for the last line. It takes neither locks nor memory, no signal makes it longer, and it
/// leaves errno as it was: a signal handler may call it that interrupted any code. Before
/// livesync_close(), see that the handler does not call it any more: block its signal in all
/// threads, or have it look at a flag. From a stop on nothing can be announced: who has a
/// last word to say, like the stops of his peers, says it before.
///
/// Returns LIVESYNC_OK, LIVESYNC_E_ARGUMENT, or LIVESYNC_E_FORKED.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_stop(handle: *mut livesync_t) -> c_int {
    // SAFETY: either NULL or valid.
    let Some(handle) = (unsafe { handle.as_ref() }) else {
        return LIVESYNC_E_ARGUMENT;
    };
    if handle.livesync.is_forked() {
        return LIVESYNC_E_FORKED;
    }
    let _no_cancel = NoCancel::new();
    with_errno_kept(|| handle.livesync.stop());
    LIVESYNC_OK
}

/// Stops to sync, waits until no callback runs, sends what was announced and not sent
/// yet, and gives everything back. It blocks for as long as a callback does, and else for
/// some milliseconds. NULL is closed already.
///
/// It must not be called from inside of a callback of this handle, however many callbacks
/// of others are in between: then it returns LIVESYNC_E_STATE and does nothing. Two
/// handles whose callbacks close each other at the same time wait for each other. The
/// callback `log`, which may be called for the last line, must not use the handle then.
///
/// In a child of the process that has started the handle it neither waits nor sends: it
/// closes the child's descriptors, and gives back what memory no other thread of the parent
/// was using in the moment of the fork. Else it returns LIVESYNC_OK, there as here.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet, and no other
/// thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_close(handle: *mut livesync_t) -> c_int {
    if handle.is_null() {
        return LIVESYNC_OK;
    }
    let _no_cancel = NoCancel::new();
    // SAFETY: not NULL, so valid.
    if unsafe { &(*handle).livesync }.is_delivering_here() {
        return LIVESYNC_E_STATE;
    }
    // SAFETY: it came from Box::into_raw, and nobody uses it any more.
    drop(unsafe { Box::from_raw(handle) });
    LIVESYNC_OK
}
