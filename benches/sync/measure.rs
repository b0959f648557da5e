//! Wall-clock time, processor time, and memory.
#![allow(unsafe_code)]

use std::fs;
use std::time::{Duration, Instant};

/// Returns the wall-clock time that a function takes.
pub fn wall(what: impl FnOnce()) -> Duration {
    let start = Instant::now();
    what();
    start.elapsed()
}

/// Returns the processor time that all threads of this process use while a function runs.
pub fn processor(what: impl FnOnce()) -> Duration {
    let before = processor_time();
    what();
    processor_time() - before
}

/// Returns the resident memory of this process, in bytes.
pub fn resident_memory() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split(' ').nth(1).and_then(|field| field.parse().ok());
    // SAFETY: sysconf only returns the size of a page.
    let page_size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    page_size as f64 * pages.unwrap_or(f64::NAN)
}

/// Returns the processor time that this thread has used.
pub fn thread_time() -> Duration {
    time(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn processor_time() -> Duration {
    time(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn time(clock: libc::clockid_t) -> Duration {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: clock_gettime writes to `now`, which outlives the call.
    unsafe { libc::clock_gettime(clock, &mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
