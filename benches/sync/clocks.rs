//! Time on the wall, and on the processor.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

/// The time that all threads of this process have spent on processors.
pub fn processor() -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes to `now`, which outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// How long something takes, on the wall and on the processor.
pub fn time(what: impl FnOnce()) -> (Duration, Duration) {
    let (wall, before) = (Instant::now(), processor());
    what();
    (wall.elapsed(), processor() - before)
}
