//! A handle in the host loop: the event loop of the application.

use std::ffi::c_int;
use std::os::fd::AsRawFd;
use std::time::Duration;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_STATE, LIVESYNC_OK};
use super::event::{LIVESYNC_EVENT_MERGE_TORRENT, livesync_event_t};
use super::handle::{id_of, livesync_t, with};
use super::out::Array;
use crate::types::InfoHash;

/// Starts syncing in the event loop of the application, without a thread of the library.
///
/// The callbacks for peers and torrents are called from inside livesync_process(), livesync_tick()
/// and livesync_receive(). The loop is
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
/// A handle with callbacks for peers or torrents, or with a table, has no events, so its loop
/// does not call livesync_poll_events(). A handle that was stopped can be started again.
///
/// On an error the callback `log` gets a line that says why, except if the handle is NULL, switched
/// off or another process's, or if another thread is starting it.
///
/// @param handle The handle.
/// @param tracker_id The id of this tracker, in host byte order: any number that no other tracker
/// of the cluster has. With 0 the library draws one at random.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL;
/// - LIVESYNC_E_STATE if the handle is started already, or another call is starting it;
/// - LIVESYNC_E_BUSY if the handle was stopped, and a callback of that run has not returned yet or
///   its thread has not ended;
/// - LIVESYNC_E_SOCKET if the handle must join the group again, after a stop or a failed start, and
///   cannot;
/// - LIVESYNC_E_THREAD if the library cannot make the descriptor of livesync_fd(), as always on
///   systems other than Linux;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it. No signal handler may call it. After livesync_stop() it blocks for
/// up to 1 second while a callback of that run goes on, and for up to 30 seconds more while a
/// thread of that run sends what is left.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_start_polling(handle: *mut livesync_t, tracker_id: u32) -> c_int {
    // SAFETY: the same preconditions.
    unsafe { with(handle, |handle| handle.start(true, id_of(tracker_id))) }
}

/// Returns the descriptor that the event loop of the application waits on.
///
/// It becomes readable when livesync_process() has something to do before the timeout ends: a
/// packet waits in the kernel, another thread has announced so much or after so long a pause that
/// it must not wait, or the handle was started or stopped. It stays the same from the first
/// livesync_start_polling() to livesync_close().
///
/// @param handle The handle.
/// @return The descriptor, for poll(2), select(2), epoll(7) and the like; it stays the library's,
/// so do not read from it or close it. Or a negative error:
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL;
/// - LIVESYNC_E_STATE before the first livesync_start_polling();
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It does not block.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_fd(handle: *mut livesync_t) -> c_int {
    // SAFETY: the same preconditions.
    unsafe {
        with(handle, |handle| match handle.livesync.fd() {
            Ok(fd) => fd.as_raw_fd(),
            Err(_) => LIVESYNC_E_STATE,
        })
    }
}

/// Returns how long the event loop may wait for the descriptor.
///
/// When that time is over, call livesync_process() even if the descriptor is not readable. The time
/// changes, so call this before each wait. A loop that calls livesync_process() at fixed times does
/// not need this function.
///
/// @param handle The handle.
/// @return The time in milliseconds, as poll(2) takes it, or a negative error:
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL;
/// - LIVESYNC_E_STATE if livesync_start_polling() has not started the handle, or it was stopped.
///   Given to poll(2), that means an infinite wait, which is right: the next
///   livesync_start_polling() makes the descriptor readable;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It takes a lock
/// for a moment.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_next_timeout_ms(handle: *mut livesync_t) -> c_int {
    // SAFETY: the same preconditions.
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

/// Receives what has arrived, does what is due, and sends what is ready.
///
/// Callbacks are called from inside it. Calling it too early or too often is harmless. The first
/// call after livesync_stop() sends what was announced before the stop, and returns
/// LIVESYNC_E_STATE.
///
/// While a few thousand events wait for livesync_poll_events(), it receives nothing. Packets then
/// wait, most of them in the kernel, and livesync_next_timeout_ms() returns 0. The library loses no
/// event; if another LIVESYNC_EVENT_NEW_TRACKER_ID follows one that waits, the first one is
/// replaced.
///
/// @param handle The handle.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL;
/// - LIVESYNC_E_STATE if livesync_start_polling() has not started the handle, if it was stopped, or
///   if the call comes from inside a callback, of this handle or another;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note One thread at a time may call it for a handle. No signal handler may call it. It does not
/// block on the network and takes about 10 ms at most, plus the time of callbacks. Only the first
/// call after a stop may take 100 ms, to send the rest.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_process(handle: *mut livesync_t) -> c_int {
    // SAFETY: the same preconditions.
    unsafe {
        with(handle, |handle| match handle.livesync.process() {
            Ok(()) => LIVESYNC_OK,
            Err(_) => LIVESYNC_E_STATE,
        })
    }
}

/// Takes the events and questions that wait, in order.
///
/// Call it after livesync_process() until it returns 0. Events are for a handle that was started by
/// livesync_start_polling() and has neither callbacks for peers or torrents nor a table; other
/// handles have none. There is no LIVESYNC_EVENT_NEW_TRACKER_ID if the callback `new_tracker_id`
/// is set. An application without scrape sync may ignore the events for torrents, or set `scrape`
/// to 0 in the configuration so that there are none.
///
/// @param handle The handle.
/// @param out The array to write to. It may be NULL if `capacity` is 0.
/// @param capacity The number of events that fit into `out`.
/// @param event_size The size of the struct as the caller knows it: `sizeof( livesync_event_t )`.
/// @return The number of events written, or a negative error:
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL, or if `capacity` is not 0 and `out` is NULL or
///   `event_size` is less than 8;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once: each event goes to one of them. No signal handler
/// may call it. It takes a lock for a moment.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `out` is NULL, or points
/// to `capacity * event_size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_poll_events(
    handle: *mut livesync_t,
    out: *mut livesync_event_t,
    capacity: usize,
    event_size: usize,
) -> c_int {
    // SAFETY: the same preconditions.
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

impl livesync_t {
    fn next_event(&self) -> Option<livesync_event_t> {
        let Some(happened) = self.events.next() else {
            return self.questions.next(&self.livesync);
        };
        let event = livesync_event_t::from(happened);
        if event.event_type == LIVESYNC_EVENT_MERGE_TORRENT {
            let info_hash = InfoHash(event.info_hash);
            self.questions.note_merge(&self.livesync, info_hash);
        }
        Some(event)
    }
}
