//! Error numbers. They never change; one that is not used any more is not used again.

use std::ffi::{CStr, c_int};

use crate::error::SetupError;

/// No error.
pub const LIVESYNC_OK: c_int = 0;
/// A pointer is NULL, or a number is nonsense.
pub const LIVESYNC_E_ARGUMENT: c_int = -1;
/// A field of the configuration, or an environment variable, does not hold what it
/// should, or the key file cannot be used.
pub const LIVESYNC_E_CONFIG: c_int = -2;
/// The group cannot be joined on this interface, or not be sent to.
pub const LIVESYNC_E_SOCKET: c_int = -3;
/// No thread can be started, or what one waits on cannot be made.
pub const LIVESYNC_E_THREAD: c_int = -4;
/// Not now, or not with this handle: started already, or not yet, or in the other of
/// the two ways; called from inside of a callback; it does not speak, or has no table.
pub const LIVESYNC_E_STATE: c_int = -5;
/// A callback of the run before has not returned yet.
pub const LIVESYNC_E_BUSY: c_int = -6;
/// An error in the library has switched this handle off, as the log has said. Close it,
/// and open another.
pub const LIVESYNC_E_TRIPPED: c_int = -7;
/// What was sent to the group was not heard again.
pub const LIVESYNC_E_SILENT: c_int = -8;
/// This process is a child of the one that has started the handle, which stays with that
/// one. Close it, and open another.
pub const LIVESYNC_E_FORKED: c_int = -9;
/// So many announces wait to be sent that there is no room for another one.
pub const LIVESYNC_E_FULL: c_int = -10;

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
