//! The error numbers of `livesync.h`. They never change, and none is used for a second error.

use std::ffi::{CStr, c_int};

use crate::error::SetupError;

/// There is no error.
pub const LIVESYNC_OK: c_int = 0;
/// A pointer is NULL, or a number is out of range.
pub const LIVESYNC_E_ARGUMENT: c_int = -1;
/// A field of the configuration or an environment variable has an invalid value, or the key file
/// cannot be used.
pub const LIVESYNC_E_CONFIG: c_int = -2;
/// The handle cannot join the group on this interface, or cannot send to it.
pub const LIVESYNC_E_SOCKET: c_int = -3;
/// The library cannot start its thread, or cannot create a descriptor that it needs.
pub const LIVESYNC_E_THREAD: c_int = -4;
/// The handle does not allow this call, or does not allow it now.
pub const LIVESYNC_E_STATE: c_int = -5;
/// A callback of the previous run has not returned yet, or the thread of that run has not ended.
pub const LIVESYNC_E_BUSY: c_int = -6;
/// An internal error has switched the handle off. The log of the handle has the reason. Close the
/// handle and open another one.
pub const LIVESYNC_E_TRIPPED: c_int = -7;
/// livesync_selftest() did not receive what it sent to the group.
pub const LIVESYNC_E_SILENT: c_int = -8;
/// This process is a child of the one that started the handle, and the handle stays with that one.
/// Close the handle and open another one.
pub const LIVESYNC_E_FORKED: c_int = -9;
/// Too many announces wait to be sent; there is no room for another one.
pub const LIVESYNC_E_FULL: c_int = -10;

/// The error number for a setup error.
pub(super) fn of(error: &SetupError) -> c_int {
    match error {
        SetupError::Setting { .. }
        | SetupError::UnknownSetting { .. }
        | SetupError::Field { .. }
        | SetupError::KeyFile { .. }
        | SetupError::Address(_)
        | SetupError::NotMulticast(_)
        | SetupError::NoPort => LIVESYNC_E_CONFIG,
        SetupError::Socket { .. } => LIVESYNC_E_SOCKET,
        SetupError::Thread(_) => LIVESYNC_E_THREAD,
        SetupError::AlreadyBound
        | SetupError::NotBound
        | SetupError::AlreadyRunning
        | SetupError::NoHost { .. }
        | SetupError::NeedsAdapter { .. } => LIVESYNC_E_STATE,
        SetupError::StillStopping => LIVESYNC_E_BUSY,
        SetupError::Tripped => LIVESYNC_E_TRIPPED,
        SetupError::Forked => LIVESYNC_E_FORKED,
    }
}

/// The text of livesync_strerror().
pub(super) fn text(code: c_int) -> &'static CStr {
    match code {
        LIVESYNC_OK => c"no error",
        LIVESYNC_E_ARGUMENT => c"invalid argument",
        LIVESYNC_E_CONFIG => c"invalid configuration",
        LIVESYNC_E_SOCKET => c"cannot join the group, or send to it",
        LIVESYNC_E_THREAD => c"cannot start a thread",
        LIVESYNC_E_STATE => c"not possible in this state",
        LIVESYNC_E_BUSY => c"a callback has not returned yet",
        LIVESYNC_E_TRIPPED => c"switched off by an internal error",
        LIVESYNC_E_SILENT => c"nothing came back from the group",
        LIVESYNC_E_FORKED => c"started before this process was forked",
        LIVESYNC_E_FULL => c"too many announces wait to be sent",
        _ => c"unknown error",
    }
}
