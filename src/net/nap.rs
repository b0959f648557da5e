//! Sleeping for a moment.
#![allow(unsafe_code)]

use std::ptr;
use std::time::Duration;

/// Sleeps for at most so long: a signal ends it early. So a caller that looks at the clock
/// in between is late by one nap at most, however many signals come. A signal handler may
/// call it.
pub(crate) fn nap(time: Duration) {
    let time = libc::timespec {
        // Both are 32 or 64 bits wide.
        tv_sec: time.as_secs().min(i32::MAX as u64) as _,
        tv_nsec: time.subsec_nanos() as _,
    };
    // SAFETY: `time` is valid during the call; the rest of the time is not asked for.
    unsafe { libc::nanosleep(&time, ptr::null_mut()) };
}
