//! The system calls that the standard library and socket2 do not wrap safely.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::nap::nap;
use crate::address::canonical;

/// Receives one datagram without blocking, whatever the mode of the socket. Returns its length, and
/// its source unless that is no IP address.
///
/// # Errors
/// `WouldBlock` if no datagram waits, and any other error that persists.
pub(super) fn receive(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> io::Result<(usize, Option<SocketAddr>)> {
    // SAFETY: recvfrom(2) writes the bytes that it has received, so initialised bytes are only
    // overwritten with initialised ones.
    let buffer = unsafe { &mut *(ptr::from_mut(buffer) as *mut [MaybeUninit<u8>]) };
    let mut receive = || SockRef::from(&fd).recv_from_with_flags(buffer, libc::MSG_DONTWAIT);
    let (len, source) = match receive() {
        // An interruption, or an error that an earlier packet has left behind, which the kernel
        // reports once.
        Err(e) if e.kind() != io::ErrorKind::WouldBlock => receive()?,
        received => received?,
    };
    Ok((len, source.as_socket().map(canonical)))
}

/// Returns the time of the monotonic clock.
pub(crate) fn monotonic() -> Duration {
    clock(libc::CLOCK_MONOTONIC).unwrap_or_default()
}

/// Returns the time of the monotonic clock at the last tick of the kernel, some milliseconds ago.
/// On Linux this is cheaper than [`monotonic`]; elsewhere it is the same.
pub(crate) fn monotonic_coarse() -> Duration {
    #[cfg(target_os = "linux")]
    if let Some(time) = clock(libc::CLOCK_MONOTONIC_COARSE) {
        return time;
    }
    monotonic()
}

fn clock(clock: libc::clockid_t) -> Option<Duration> {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: `time` is valid as all zeros, and the kernel writes it or leaves it so.
    let time = unsafe {
        let failed = libc::clock_gettime(clock, time.as_mut_ptr()) != 0;
        (!failed).then(|| time.assume_init())
    }?;
    Some(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// Returns how long this thread has run on a processor.
#[cfg(lock_times)]
pub(crate) fn thread_time() -> Duration {
    clock(libc::CLOCK_THREAD_CPUTIME_ID).unwrap_or_default()
}

/// Returns an upper bound of the number of datagrams that can wait at `fd`. The kernel accounts at
/// least 256 bytes of the receive buffer for each.
pub(crate) fn receive_capacity(fd: BorrowedFd<'_>) -> usize {
    const LEAST_PER_DATAGRAM: usize = 256;
    let bytes = SockRef::from(&fd).recv_buffer_size().unwrap_or(0);
    bytes / LEAST_PER_DATAGRAM + 1
}

/// Lets routers cut the packets that `fd` sends into fragments.
///
/// Linux forbids this by default. Then a packet that is too long for a network on the way vanishes,
/// because routers send no errors for multicast packets. A failure is ignored, since sync works
/// without fragments in most networks.
#[cfg(target_os = "linux")]
pub(super) fn allow_fragments(fd: BorrowedFd<'_>) {
    let dont = libc::IP_PMTUDISC_DONT;
    let len = size_of_val(&dont) as libc::socklen_t;
    // SAFETY: the kernel reads `len` bytes of `dont`.
    unsafe {
        let (fd, dont) = (fd.as_raw_fd(), (&raw const dont).cast());
        libc::setsockopt(fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, dont, len);
    }
}

/// Does nothing, because other systems allow fragments by default.
#[cfg(not(target_os = "linux"))]
pub(super) fn allow_fragments(_fd: BorrowedFd<'_>) {}

/// A descriptor that [`wait`] waits on, and the result for it.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Awaited<'a> {
    pollfd: libc::pollfd,
    descriptor: PhantomData<BorrowedFd<'a>>,
}

impl<'a> Awaited<'a> {
    /// Waits until the descriptor is readable. Without a descriptor it is never ready.
    pub(crate) fn to_read(fd: Option<BorrowedFd<'a>>) -> Self {
        Self::new(fd, libc::POLLIN)
    }

    /// Waits until the descriptor is writable. Without a descriptor it is never ready.
    pub(crate) fn to_write(fd: Option<BorrowedFd<'a>>) -> Self {
        Self::new(fd, libc::POLLOUT)
    }

    fn new(fd: Option<BorrowedFd<'a>>, events: libc::c_short) -> Self {
        Self {
            pollfd: libc::pollfd {
                // poll(2) ignores a negative descriptor.
                fd: fd.map_or(-1, |fd| fd.as_raw_fd()),
                events,
                revents: 0,
            },
            descriptor: PhantomData,
        }
    }

    /// Returns whether the wait has found the descriptor ready.
    pub(crate) fn is_ready(&self) -> bool {
        self.pollfd.revents != 0
    }
}

/// The longest time that [`wait`] takes if poll(2) fails.
const POLL_ERROR_BACKOFF: Duration = Duration::from_millis(10);

/// Waits until one of the descriptors is ready or the time is over. It may return early, and may
/// report a descriptor as ready that is not.
///
/// # Errors
/// `EBADF` if the program has closed one of the descriptors.
pub(crate) fn wait(awaited: &mut [Awaited<'_>], timeout: Option<Duration>) -> io::Result<()> {
    if let Err(e) = poll(awaited, timeout)
        && e.kind() != io::ErrorKind::Interrupted
    {
        // For example, the limit of descriptors may be lower than their number here.
        nap(timeout.map_or(POLL_ERROR_BACKOFF, |timeout| {
            timeout.min(POLL_ERROR_BACKOFF)
        }));
        for awaited in awaited {
            awaited.pollfd.revents = awaited.pollfd.events;
        }
        return Ok(());
    }
    let is_closed = |awaited: &Awaited<'_>| awaited.pollfd.revents & libc::POLLNVAL != 0;
    if awaited.iter().any(is_closed) {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn poll(awaited: &mut [Awaited<'_>], timeout: Option<Duration>) -> io::Result<()> {
    let timeout = timeout.map(|timeout| libc::timespec {
        // Both fields have 32 or 64 bits.
        tv_sec: timeout.as_secs().min(i32::MAX as u64) as _,
        tv_nsec: timeout.subsec_nanos() as _,
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let fds = awaited.as_mut_ptr().cast();
    // SAFETY: each is a pollfd and nothing else. The pointer and the count describe `awaited`,
    // which outlives the call, as does `timeout`. No mask of signals is given.
    match unsafe { libc::ppoll(fds, awaited.len() as _, timeout, ptr::null()) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Waits by poll(2), as not every system has ppoll(2). The milliseconds are rounded up, so that the
/// deadline has passed when the wait ends.
#[cfg(not(target_os = "linux"))]
fn poll(awaited: &mut [Awaited<'_>], timeout: Option<Duration>) -> io::Result<()> {
    let millis = timeout.map_or(-1, |t| {
        i32::try_from(t.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    let fds = awaited.as_mut_ptr().cast();
    // SAFETY: each is a pollfd and nothing else. The pointer and the count describe `awaited`,
    // which outlives the call.
    match unsafe { libc::poll(fds, awaited.len() as _, millis) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The number of the first descriptor behind standard input, output and error.
const FIRST_OWN: libc::c_int = 3;

/// Moves a descriptor above the three standard ones. In a program without those, the next opened
/// file gets one of their numbers, and what the program prints would go to a socket of livesync.
///
/// # Errors
/// The error of fcntl(2), for example if the limit of descriptors is reached.
pub(super) fn above_stdio(fd: impl Into<OwnedFd>) -> io::Result<OwnedFd> {
    let fd = fd.into();
    if fd.as_raw_fd() >= FIRST_OWN {
        return Ok(fd);
    }
    // SAFETY: the call takes no pointers, and nothing else owns the descriptor that it returns.
    unsafe {
        match libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST_OWN) {
            -1 => Err(io::Error::last_os_error()),
            moved => Ok(OwnedFd::from_raw_fd(moved)),
        }
    }
}

/// Opens a UDP socket that does not block.
///
/// # Errors
/// The error of the system call that failed.
pub(super) fn udp_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    let socket = Socket::from(above_stdio(socket)?);
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Creates a set of descriptors, which is itself a descriptor that can be waited on.
#[cfg(target_os = "linux")]
pub(super) fn epoll_create() -> io::Result<OwnedFd> {
    // SAFETY: the call takes no pointers, and nothing else owns the descriptor that it returns.
    let epoll = unsafe {
        match libc::epoll_create1(libc::EPOLL_CLOEXEC) {
            -1 => return Err(io::Error::last_os_error()),
            fd => OwnedFd::from_raw_fd(fd),
        }
    };
    above_stdio(epoll)
}

/// Adds `fd` to the set `epoll`, which then is readable while `fd` is.
#[cfg(target_os = "linux")]
pub(super) fn epoll_add(epoll: BorrowedFd<'_>, fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut event = libc::epoll_event {
        events: libc::EPOLLIN as u32,
        u64: 0,
    };
    let (set, fd) = (epoll.as_raw_fd(), fd.as_raw_fd());
    // SAFETY: `event` is valid during the call.
    match unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_ADD, fd, &mut event) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Removes `fd` from the set `epoll`.
#[cfg(target_os = "linux")]
pub(super) fn epoll_remove(epoll: BorrowedFd<'_>, fd: BorrowedFd<'_>) {
    let (set, fd) = (epoll.as_raw_fd(), fd.as_raw_fd());
    // SAFETY: removing needs no event.
    unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_DEL, fd, ptr::null_mut()) };
}

/// Refuses, because this system has no epoll. A program cannot poll here, and must let livesync
/// run its own thread.
#[cfg(not(target_os = "linux"))]
pub(super) fn epoll_create() -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn epoll_add(_epoll: BorrowedFd<'_>, _fd: BorrowedFd<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn epoll_remove(_epoll: BorrowedFd<'_>, _fd: BorrowedFd<'_>) {}

/// Returns the effective user of this process, which decides which files it may open.
pub(crate) fn effective_user() -> u32 {
    // SAFETY: the function takes no arguments.
    unsafe { libc::geteuid() }
}

/// A guard during whose life the current thread cannot be cancelled. A host that ends its threads
/// by `pthread_cancel(3)` must not end one in the middle of this library, which cannot be unwound
/// that way.
pub(crate) struct NoCancel {
    before: libc::c_int,
}

impl NoCancel {
    pub(crate) fn new() -> Self {
        let mut before = 0;
        // SAFETY: the function writes the previous state to `before`.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut before) };
        Self { before }
    }
}

impl Drop for NoCancel {
    fn drop(&mut self) {
        // SAFETY: NULL means that the previous state is not returned.
        unsafe { pthread_setcancelstate(self.before, ptr::null_mut()) };
    }
}

// The libc crate lacks these.
const PTHREAD_CANCEL_DISABLE: libc::c_int = 1;
unsafe extern "C" {
    fn pthread_setcancelstate(state: libc::c_int, before: *mut libc::c_int) -> libc::c_int;
}

/// Returns the kernel's number of the current thread.
#[cfg(target_os = "linux")]
pub(crate) fn thread_number() -> i32 {
    // SAFETY: the function takes no arguments.
    unsafe { libc::gettid() }
}

/// Returns whether a thread of this process has this number. A signal handler may call it.
#[cfg(target_os = "linux")]
pub(crate) fn thread_exists(number: i32) -> bool {
    // SAFETY: signal 0 is never delivered; the kernel only looks up the thread.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), number, 0) == 0 }
}

/// Returns 0, because this system has no such numbers. [`thread_exists`] then denies every thread,
/// so a thread counts as gone when it says so.
#[cfg(not(target_os = "linux"))]
pub(crate) fn thread_number() -> i32 {
    0
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn thread_exists(_number: i32) -> bool {
    false
}

/// Runs `body` and restores errno, as a signal handler must for the code that it interrupts.
#[cfg(feature = "handles")]
pub(crate) fn with_errno_kept(body: impl FnOnce()) {
    // SAFETY: errno is a variable of this thread.
    let errno = unsafe { &mut *errno_location() };
    let before = *errno;
    body();
    *errno = before;
}

#[cfg(all(feature = "handles", target_os = "linux"))]
use libc::__errno_location as errno_location;
#[cfg(all(feature = "handles", not(target_os = "linux")))]
use libc::__error as errno_location;

/// A guard during whose life the current thread takes no signals, so that a thread that it starts
/// never takes any. Signals are for the threads of the program. Only the signals of a thread's own
/// faults stay enabled, so that the program's crash handler works.
pub(crate) struct NoSignals {
    before: libc::sigset_t,
}

const OWN_FAULTS: [libc::c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
];

impl NoSignals {
    pub(crate) fn new() -> Self {
        let mut all = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: sigfillset initialises `all` before it is read. pthread_sigmask fails only for an
        // unknown first argument, so it initialises `before`.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            for own_fault in OWN_FAULTS {
                libc::sigdelset(all.as_mut_ptr(), own_fault);
            }
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
