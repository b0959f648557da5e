//! Ctrl-C and the other signals that ask a program to end. One thread waits for them and all
//! threads block them, so that the handler may lock and allocate.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::thread;

const SIGNALS: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Calls the function when one of the signals arrives. Call this before any other thread
/// starts, since threads inherit the blocked signals.
pub fn on_signal(function: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let signals = set(&SIGNALS);
    mask(libc::SIG_BLOCK, &signals)?;
    thread::Builder::new().spawn(move || {
        wait(&signals);
        function();
    })?;
    Ok(())
}

/// Unblocks the signals, in a child process that they shall end.
pub fn unblock() -> io::Result<()> {
    mask(libc::SIG_UNBLOCK, &set(&SIGNALS))
}

#[allow(unsafe_code)]
fn set(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset makes a set of the bytes, sigaddset finds one there.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

#[allow(unsafe_code)]
fn mask(how: i32, signals: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: the set is valid, and a null pointer says that we do not want the old one.
    match unsafe { libc::pthread_sigmask(how, signals, ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[allow(unsafe_code)]
fn wait(signals: &libc::sigset_t) {
    let mut signal = 0;
    // SAFETY: both pointers are valid. It fails only for a set with an unknown signal.
    unsafe { libc::sigwait(signals, &mut signal) };
}
