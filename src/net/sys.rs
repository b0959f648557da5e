//! The system calls that the standard library and socket2 do not wrap safely.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use socket2::SockRef;

/// Receives one datagram without blocking, whatever the mode of the socket:
/// its length and its source.
pub(crate) fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, SocketAddrV4)> {
    // SAFETY: the initialised bytes are only ever overwritten with initialised
    // ones: recvfrom(2) writes the bytes that it received.
    let buffer = unsafe { &mut *(ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) };
    loop {
        match SockRef::from(&fd).recv_from_with_flags(buffer, libc::MSG_DONTWAIT) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
            Ok((len, source)) => {
                let source = ipv4(source.as_socket()).ok_or(io::ErrorKind::Unsupported)?;
                return Ok((len, source));
            }
        }
    }
}

/// The IPv4 address in a socket address, which on an IPv6 socket of the host is
/// a mapped one.
fn ipv4(address: Option<SocketAddr>) -> Option<SocketAddrV4> {
    match address? {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(address) => {
            let ip = address.ip().to_ipv4_mapped()?;
            Some(SocketAddrV4::new(ip, address.port()))
        }
    }
}

/// How many datagrams can wait at `fd` at most: more than its receive buffer
/// holds, since the kernel accounts each with at least this much.
pub(crate) fn receive_capacity(fd: BorrowedFd<'_>) -> usize {
    const LEAST_PER_DATAGRAM: usize = 256;
    let bytes = SockRef::from(&fd).recv_buffer_size().unwrap_or(0);
    bytes / LEAST_PER_DATAGRAM + 1
}

/// Waits until one of `readable` is readable, or `writable` is writable, or the
/// time is over. It may return early.
pub(crate) fn wait(
    readable: [BorrowedFd<'_>; 2],
    writable: Option<BorrowedFd<'_>>,
    timeout: Option<Duration>,
) {
    let pollfd = |fd: i32, events| libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let mut fds = [
        pollfd(readable[0].as_raw_fd(), libc::POLLIN),
        pollfd(readable[1].as_raw_fd(), libc::POLLIN),
        // poll(2) ignores a negative descriptor.
        pollfd(writable.map_or(-1, |fd| fd.as_raw_fd()), libc::POLLOUT),
    ];
    // Rounded up, so that what is due is due when we wake.
    let millis = timeout.map_or(-1, |t| {
        i32::try_from(t.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    // SAFETY: the pointer and the count describe `fds`, which outlives the call.
    unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, millis) };
}

/// While this lives, the current thread takes no signals, and a thread that it
/// starts takes none ever: signals are for the host's threads.
pub(crate) struct NoSignals {
    before: libc::sigset_t,
}

impl NoSignals {
    pub(crate) fn new() -> Self {
        let mut all = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: sigfillset initialises `all` before it is read, and
        // pthread_sigmask, which fails only for an unknown first argument,
        // initialises `before`.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            Self {
                before: before.assume_init(),
            }
        }
    }
}

impl Drop for NoSignals {
    fn drop(&mut self) {
        // SAFETY: `before` was initialised by pthread_sigmask.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}
