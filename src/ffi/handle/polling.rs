//! A handle in the program's own event loop.

use std::ffi::c_int;
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_STATE, LIVESYNC_OK};
use super::event::{LIVESYNC_EVENT_MERGE_TORRENT, livesync_event_t};
use super::handle::{id_of, livesync_t, with};
use super::out::Array;
use crate::host::callbacks::{livesync_cursor_t, livesync_torrent_t};
use crate::types::InfoHash;

/// Starts to sync as tracker `tracker_id`, in the program's own event loop: no thread
/// is started, and all callbacks come from inside of livesync_process(). The loop is
///
/// ```c
/// struct pollfd fds[] = { { livesync_fd( handle ), POLLIN, 0 }, ... };
/// do {
///   poll( fds, n, livesync_next_timeout_ms( handle ) );
///   error = livesync_process( handle );
///   while( ( got = livesync_poll_events( handle, events, 64, sizeof *events ) ) > 0 )
///     ...
/// } while( !error );
/// ```
///
/// A handle with callbacks for peers or torrents, or with a table, has no events: its
/// loop does without livesync_poll_events(). For `tracker_id`, and what this returns, see
/// livesync_start(). On Linux only; elsewhere it returns
/// LIVESYNC_E_THREAD.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_start_polling(handle: *mut livesync_t, tracker_id: u32) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe { with(handle, |handle| handle.start(true, id_of(tracker_id))) }
}

/// A descriptor that is readable for as long as a packet waits in the kernel, or another
/// thread has announced something, so that livesync_process() has something to do before
/// its time. Give it to
/// poll(2), select(2), epoll(7) or what your loop has. It is the library's: do not read
/// from it or close it. It stays the same from livesync_start_polling() to
/// livesync_close(), and is readable also when the handle was stopped or started.
///
/// Returns the descriptor, or a negative error.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_fd(handle: *mut livesync_t) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |handle| match handle.livesync.fd() {
            Ok(fd) => fd.as_raw_fd(),
            Err(_) => LIVESYNC_E_STATE,
        })
    }
}

/// How many milliseconds may pass until livesync_process() must be called, also when
/// the descriptor is not readable: what poll(2) takes. Ask again before each wait;
/// whoever calls livesync_process() at fixed times instead need not ask.
///
/// Returns 0 or more, or a negative error. While the
/// handle is stopped that is LIVESYNC_E_STATE, which poll(2) takes for as long as you
/// like: livesync_start_polling() makes the descriptor readable.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_next_timeout_ms(handle: *mut livesync_t) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |handle| match handle.livesync.next_timeout() {
            Ok(_) if !handle.events.is_empty() => 0,
            Ok(timeout) => timeout.map_or(c_int::MAX, millis_rounded_up),
            Err(_) => LIVESYNC_E_STATE,
        })
    }
}

fn millis_rounded_up(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
}

/// Receives what has arrived, does what is due, and sends what is ready, without
/// blocking and for some 10 ms at most, besides what callbacks take, which come from inside
/// of it. Calling it too early or too often is harmless. For one handle, call it from one
/// thread at a time, and not from inside of a callback, of this handle or another: then
/// it returns LIVESYNC_E_STATE and does nothing.
///
/// While a few thousand events wait for livesync_poll_events() it receives nothing: packets
/// wait, most of them in the kernel, livesync_next_timeout_ms() returns 0, and no event is
/// lost in the library.
///
/// Returns LIVESYNC_OK or a negative error; LIVESYNC_E_STATE also after livesync_stop(), and
/// then what was announced before is sent.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_process(handle: *mut livesync_t) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |handle| match handle.livesync.process() {
            Ok(()) => LIVESYNC_OK,
            Err(_) => LIVESYNC_E_STATE,
        })
    }
}

/// Takes what happened, and what the library asks, in order: at most `capacity`
/// events, each `event_size` bytes long, which is sizeof( livesync_event_t ) as the caller
/// knows it. Call it after livesync_process() until there are none left.
///
/// There are events for a handle that polls and has neither callbacks for peers or torrents
/// nor a table; for others there are none, and none of a type for which there is a callback.
/// With several threads, each event goes to one of them. A program that takes no part in scrape sync may
/// ignore those for torrents; config.scrape = 0 keeps them away.
///
/// Returns how many events were written to `out`, or a negative error.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `out` is either
/// NULL, or valid for writing `capacity * event_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_poll_events(
    handle: *mut livesync_t,
    out: *mut livesync_event_t,
    capacity: usize,
    event_size: usize,
) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe {
        let Some(mut out) = Array::new(out, capacity, event_size) else {
            return LIVESYNC_E_ARGUMENT;
        };
        with(handle, |handle| {
            while out.has_room()
                && let Some(event) = handle.next_event()
            {
                out.push(&event);
            }
            out.len()
        })
    }
}

/// Answers LIVESYNC_EVENT_COUNT_TORRENTS.
///
/// Returns LIVESYNC_OK, or a negative error; LIVESYNC_E_STATE if that was not asked.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_answer_count(handle: *mut livesync_t, torrents: u64) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |handle| {
            handle.questions.count(&handle.livesync, torrents)
        })
    }
}

/// Answers LIVESYNC_EVENT_WALK_TORRENTS with `count` torrents, at most the `limit` of the
/// event: else it returns LIVESYNC_E_ARGUMENT, and the question stays open. The next event of this type begins where `next` says, which is copied; NULL:
/// these were the last torrents.
///
/// There may be fewer torrents than the limit, or none; but `next` must not be where the
/// event began, and its `place` is 0 or 1: else it returns LIVESYNC_E_ARGUMENT, too. What
/// `bucket` and `after` mean is up to the program, which may do with one of them: the
/// library hands them back as they are. A walk that comes where it has been before ends the
/// telling, and a line of the log says so. By then torrents may have come and gone.
///
/// Returns LIVESYNC_OK, or a negative error; LIVESYNC_E_STATE if that was not asked.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `torrents` is
/// either NULL, or valid for reading `count` of them; `next` is either NULL, or valid for
/// reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_answer_walk(
    handle: *mut livesync_t,
    torrents: *const livesync_torrent_t,
    count: usize,
    next: *const livesync_cursor_t,
) -> c_int {
    let torrents = match (torrents.is_null(), count) {
        (_, 0) => &[][..],
        (true, _) => return LIVESYNC_E_ARGUMENT,
        // SAFETY: not NULL, so valid for reading so many.
        (false, _) => unsafe { std::slice::from_raw_parts(torrents, count) },
    };
    // SAFETY: either NULL, or valid for reading.
    let next = unsafe { next.as_ref() };
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |handle| {
            handle.questions.walk(&handle.livesync, torrents, next)
        })
    }
}

/// Answers LIVESYNC_EVENT_LOOK_UP_TORRENT: one answer for each event, in any order. NULL:
/// one of the torrents that were asked for is not known.
///
/// Returns LIVESYNC_OK, or a negative error; LIVESYNC_E_STATE if this torrent was not asked
/// for.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `torrent` is
/// either NULL, or valid for reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_answer_look_up(
    handle: *mut livesync_t,
    torrent: *const livesync_torrent_t,
) -> c_int {
    // SAFETY: either NULL, or valid for reading; and as this function's contract says.
    unsafe {
        let torrent = torrent.as_ref();
        with(handle, |handle| {
            handle.questions.look_up(&handle.livesync, torrent)
        })
    }
}

/// Answers LIVESYNC_EVENT_MERGE_TORRENT for the torrent `info_hash`, 20 bytes:
/// LIVESYNC_MERGED, LIVESYNC_KNOWN_BETTER, or LIVESYNC_NOT_STORED. One answer for each
/// event, in any order. A program may leave these events unanswered: when 65,536 of them wait
/// for an answer, the older half is forgotten, and counts as LIVESYNC_NOT_STORED.
///
/// Returns LIVESYNC_OK, or a negative error; LIVESYNC_E_STATE if this torrent was not asked
/// for, or is forgotten.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `info_hash` is
/// either NULL, or valid for reading 20 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_answer_merge(
    handle: *mut livesync_t,
    info_hash: *const u8,
    merged: c_int,
) -> c_int {
    // SAFETY: either NULL, or valid for reading 20 bytes.
    let Some(info_hash) = (unsafe { info_hash.cast::<[u8; 20]>().as_ref() }) else {
        return LIVESYNC_E_ARGUMENT;
    };
    let info_hash = InfoHash(*info_hash);
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |handle| {
            handle.questions.merge(&handle.livesync, info_hash, merged)
        })
    }
}

impl livesync_t {
    fn next_event(&self) -> Option<livesync_event_t> {
        let Some(happened) = self.events.next() else {
            return self.questions.next(&self.livesync);
        };
        let event = livesync_event_t::from(happened);
        if event.event_type == LIVESYNC_EVENT_MERGE_TORRENT {
            let info_hash = InfoHash(event.info_hash);
            self.questions.hands_out_merge(&self.livesync, info_hash);
        }
        Some(event)
    }
}
