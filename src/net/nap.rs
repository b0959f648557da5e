//! A short sleep that signals interrupt.
#![allow(unsafe_code)]

use std::ptr;
use std::time::Duration;

/// Sleeps for `time`, or until a signal arrives.
///
/// Because a signal ends the sleep, a caller that reads the clock after each nap is late by one nap
/// at most, however many signals arrive. A signal handler may call it.
pub(crate) fn nap(time: Duration) {
    let time = libc::timespec {
        // Both fields have 32 or 64 bits.
        tv_sec: time.as_secs().min(i32::MAX as u64) as _,
        tv_nsec: time.subsec_nanos() as _,
    };
    // SAFETY: `time` is valid during the call. NULL means that the remaining time is not returned.
    unsafe { libc::nanosleep(&time, ptr::null_mut()) };
}
