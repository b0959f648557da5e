//! How a handle is opened, started, stopped and closed.

use std::ffi::c_int;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_FORKED, LIVESYNC_E_STATE, LIVESYNC_OK};
use super::config::livesync_config_t;
use super::handle::{id_of, livesync_t, open, with, with_settings};
use super::init_config;
use crate::net::{NoCancel, with_errno_kept};

/// Sets a configuration to the defaults.
///
/// It also sets `config->size`, from which livesync_open() knows which fields the caller has.
///
/// @param config The configuration.
/// @param size The size of the struct as the caller knows it: `sizeof( livesync_config_t )`.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if `config` is NULL, or if no version of the struct can have this size.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It does not block.
/// @since 0.1.0
///
/// # Safety
/// `config` is NULL, or points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_config_init(
    config: *mut livesync_config_t,
    size: usize,
) -> c_int {
    // SAFETY: the same preconditions.
    unsafe { init_config::init(config, size) }
}

/// Opens a handle: joins the group on the interface, as the configuration says.
///
/// The handle sends and applies nothing before it is started. The library copies the configuration
/// and its strings.
///
/// The descriptors of a handle are never 0, 1 or 2, even if these are closed, so they survive
/// daemon(3), which opens those three anew. Since daemon(3) also forks, call it before
/// livesync_start().
///
/// On an error nothing stays open, and the callback `log` gets a line that names the field that is
/// wrong or the system call that failed; for LIVESYNC_E_ARGUMENT and LIVESYNC_E_TRIPPED it gets
/// none.
///
/// @param config The configuration.
/// @param out Where to store the handle, which the caller gives to livesync_close() in the end.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if a pointer is NULL, or if livesync_config_init() has not set `config`;
/// - LIVESYNC_E_CONFIG if a field has an invalid value, if `environment` is 1 and an environment
///   variable has an invalid name or value, or if the key file cannot be used;
/// - LIVESYNC_E_SOCKET if a socket cannot be made, or cannot join the group on the interface;
/// - LIVESYNC_E_THREAD if the library cannot make the descriptor that wakes a thread, or cannot
///   register with pthread_atfork(3);
/// - LIVESYNC_E_TRIPPED after an internal error.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It reads the key
/// file, and apart from that it does not block.
/// @since 0.1.0
///
/// # Safety
/// `config` is NULL, or livesync_config_init() has set it and the caller has changed it since:
/// each string is NULL or ends with a zero byte, and each callback is NULL or has the declared
/// type and may be called from the threads that livesync_config_t names. `out` is NULL, or
/// points to a writable pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_open(
    config: *const livesync_config_t,
    out: *mut *mut livesync_t,
) -> c_int {
    if out.is_null() {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: the same preconditions.
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

/// Starts syncing, with a thread of the library that calls the callbacks.
///
/// The thread blocks all signals except those for its own faults, such as SIGSEGV. It has a stack
/// of 2 MiB whatever the environment says. It does not survive fork(2), and so not daemon(3): fork
/// before you call this function. Received peers and torrents for which there is no callback are
/// dropped, unless the handle has a table. A handle that was stopped can be started again.
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
/// - LIVESYNC_E_THREAD if the library cannot start the thread;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it. No signal handler may call it. After livesync_stop() it blocks for
/// up to 1 second while a callback of that run goes on, and for up to 30 seconds more while the
/// thread of that run sends what is left.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_start(handle: *mut livesync_t, tracker_id: u32) -> c_int {
    // SAFETY: the same preconditions.
    unsafe { with(handle, |handle| handle.start(false, id_of(tracker_id))) }
}

/// Stops syncing.
///
/// No callback but `log` begins after it has returned, though one that takes long may still be
/// running. What was announced before is sent, as far as the network takes it within 50 ms: by the
/// library's thread, or if there is none by the next call that starts, processes or closes the
/// handle. From then on livesync_announce() returns LIVESYNC_E_STATE, so send your last announces,
/// for instance that your peers leave, before you call it.
///
/// The last line of the log comes from the same call that sends the rest. If the library's thread
/// has not written it while the stop waited, the next call that starts, processes or closes the
/// handle does.
///
/// @param handle The handle.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. A signal handler may call it whatever it has
/// interrupted: it takes neither locks nor memory and leaves errno as it was. Before
/// livesync_close(), make sure that the handler cannot call it any more: block its signal in all
/// threads, or let it check a flag.
/// @note It waits for up to 150 ms for callbacks that are running, except those that it is called
/// from. Then it waits until the library's thread has sent the rest and ended: 0.1 ms usually, 1 ms
/// at most, or 20 ms at most if `log_level` is LIVESYNC_LOG_INFO or more, for the last line. All of
/// it takes 170 ms at most, and no signal makes that longer.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
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

/// Stops syncing, sends what was announced before, and frees the handle.
///
/// In a child of the process that started the handle it neither waits nor sends. It closes the
/// descriptors of the child. It keeps memory that other threads of the parent may have been using
/// at the moment of the fork.
///
/// @param handle The handle. NULL counts as closed.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_STATE if it is called from inside a callback of this handle, however many
///   callbacks of other handles are in between; then it does nothing.
///
/// @note No other thread may use the handle at the same time or later. No signal handler may call
/// it. It blocks until no callback is running and the library's thread has ended, and then for some
/// milliseconds; for 100 ms if the network takes no packets. What the network has not taken by then
/// is lost.
/// @note The callback `log` may be called for the last line and must not use the handle then. Two
/// handles whose callbacks close each other at the same time wait for each other forever.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet, and no other thread uses
/// it.
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
