//! Writing to standard error without blocking, even if it is a pipe that no process reads.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::sys::{NoCancel, above_stdio};

/// The most bytes of a line. A pipe takes so many bytes as a whole or not at all, and has room for
/// them whenever it is writable.
const MAX_LINE_LEN: usize = libc::PIPE_BUF;

/// The number of dropped lines of the whole process, which shares one standard error.
static DROPPED: AtomicUsize = AtomicUsize::new(0);

/// Writes a line to standard error. A line that standard error does not take at once is dropped and
/// counted.
///
/// The descriptor may be in blocking mode, which must not change because other processes may share
/// it. The write raises no SIGPIPE either.
pub(crate) fn log_line(line: &str) {
    if !write_line(io::stderr().as_fd(), line) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Returns how many lines standard error did not take, since the process began.
pub(crate) fn lines_dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed) as u64
}

fn write_line(fd: BorrowedFd<'_>, line: &str) -> bool {
    let _no_cancel = NoCancel::new();
    let _no_sigpipe = NoSigpipe::new();
    let kind = FileKind::of(fd);
    let device = (kind == FileKind::Device)
        .then(|| without_waiting(fd))
        .flatten();
    let fd = device.as_ref().map_or(fd, AsFd::as_fd);
    let mut end = line.len().min(MAX_LINE_LEN - 1);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let line = [line[..end].trim_end_matches('\n').as_bytes(), b"\n"].concat();
    let mut rest = line.as_slice();
    while !rest.is_empty() {
        match kind.write(fd, rest) {
            Ok(0) => return false,
            Ok(written) => rest = &rest[written..],
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
    true
}

/// Opens the device once more in non-blocking mode, because a writable terminal may have room for
/// less than a line. Returns nothing if there is no /proc.
fn without_waiting(device: BorrowedFd<'_>) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{}", device.as_raw_fd());
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let device = File::options().write(true).custom_flags(flags).open(path);
    above_stdio(device.ok()?).ok()
}

/// The kind of file behind a descriptor, which decides how to write to it without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    /// A regular file, which takes everything unless its disk is full.
    File,
    Socket,
    Pipe,
    /// A device such as a terminal, whose output may be stopped.
    Device,
}

impl FileKind {
    fn of(fd: BorrowedFd<'_>) -> Self {
        let mut stat = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: fstat initialises `stat` if it returns 0.
        let mode = unsafe {
            match libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) {
                0 => stat.assume_init().st_mode,
                _ => 0,
            }
        };
        match mode & libc::S_IFMT {
            libc::S_IFSOCK => Self::Socket,
            libc::S_IFIFO => Self::Pipe,
            libc::S_IFCHR => Self::Device,
            _ => Self::File,
        }
    }

    fn write(self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File => write(fd, bytes),
            Self::Socket => send(fd, bytes),
            Self::Pipe if !is_writable(fd) => Err(io::ErrorKind::WouldBlock.into()),
            // Another process may fill the pipe before this write.
            Self::Pipe => match write_nowait(fd, bytes) {
                Err(e) if is_unsupported(&e) => write(fd, bytes),
                written => written,
            },
            Self::Device if !is_writable(fd) => Err(io::ErrorKind::WouldBlock.into()),
            Self::Device => write(fd, bytes),
        }
    }
}

fn is_writable(fd: BorrowedFd<'_>) -> bool {
    let mut pollfd = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: the pointer is to one pollfd, valid during the call.
    unsafe { libc::poll(&mut pollfd, 1, 0) };
    pollfd.revents == libc::POLLOUT
}

fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: `bytes` is valid for reading during the call.
    written(unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) })
}

fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let (data, len) = (bytes.as_ptr().cast(), bytes.len());
    // SAFETY: `bytes` is valid for reading during the call.
    written(unsafe { libc::send(fd.as_raw_fd(), data, len, libc::MSG_DONTWAIT) })
}

/// Writes without waiting, whatever the mode of the descriptor. This is a raw system call, because
/// not all C libraries have a function for it.
#[cfg(target_os = "linux")]
fn write_nowait(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    /// The current position of the descriptor, passed as two halves.
    const POSITION: libc::c_long = -1;
    /// The flag, with the width that the system call takes.
    const NOWAIT: libc::c_long = libc::RWF_NOWAIT as libc::c_long;
    let bytes = io::IoSlice::new(bytes);
    let (fd, bytes) = (fd.as_raw_fd(), ptr::from_ref(&bytes));
    // SAFETY: an IoSlice has the layout of an iovec, and is valid during the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pwritev2,
            fd,
            bytes,
            1usize,
            POSITION,
            POSITION,
            NOWAIT,
        )
    };
    written(result as isize)
}

#[cfg(not(target_os = "linux"))]
fn write_nowait(_fd: BorrowedFd<'_>, _bytes: &[u8]) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns whether an old kernel or a filter of system calls has refused [`write_nowait`].
fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [libc::ENOSYS, libc::EOPNOTSUPP, libc::EINVAL, libc::EPERM];
    error.kind() == io::ErrorKind::Unsupported
        || error
            .raw_os_error()
            .is_some_and(|number| unsupported.contains(&number))
}

fn written(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// A guard during whose life this thread may write to a pipe or a socket without a reader. It
/// blocks SIGPIPE, and removes a SIGPIPE that such a write has raised when it is dropped.
struct NoSigpipe {
    sigpipe: libc::sigset_t,
    before: libc::sigset_t,
    /// True if a SIGPIPE was pending before, which must stay.
    pending: bool,
}

impl NoSigpipe {
    fn new() -> Self {
        let mut sigpipe = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises `sigpipe` before it is read, and pthread_sigmask,
        // which fails only for an unknown first argument, initialises `before`.
        unsafe {
            libc::sigemptyset(sigpipe.as_mut_ptr());
            libc::sigaddset(sigpipe.as_mut_ptr(), libc::SIGPIPE);
            libc::pthread_sigmask(libc::SIG_BLOCK, sigpipe.as_ptr(), before.as_mut_ptr());
            Self {
                sigpipe: sigpipe.assume_init(),
                before: before.assume_init(),
                pending: is_sigpipe_pending(),
            }
        }
    }
}

impl Drop for NoSigpipe {
    fn drop(&mut self) {
        if !self.pending && is_sigpipe_pending() {
            take_pending(&self.sigpipe);
        }
        // SAFETY: `before` was initialised by pthread_sigmask.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}

fn is_sigpipe_pending() -> bool {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: sigpending initialises `pending` before it is read.
    unsafe {
        libc::sigemptyset(pending.as_mut_ptr());
        libc::sigpending(pending.as_mut_ptr());
        libc::sigismember(pending.as_ptr(), libc::SIGPIPE) == 1
    }
}

#[cfg(target_os = "linux")]
fn take_pending(signals: &libc::sigset_t) {
    // SAFETY: a timespec of zeros is valid, and means not to wait.
    let at_once: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: both are valid during the call. NULL means that the signal is not returned.
    unsafe { libc::sigtimedwait(signals, ptr::null_mut(), &at_once) };
}

/// Takes the pending signal. It does not wait, because a signal that a write has raised is pending
/// for this thread alone.
#[cfg(not(target_os = "linux"))]
fn take_pending(signals: &libc::sigset_t) {
    let mut signal = 0;
    // SAFETY: both are valid during the call.
    unsafe { libc::sigwait(signals, &mut signal) };
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write, pipe};
    use std::net::Shutdown;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// Fills a pipe or a socket until it takes no more, without changing its flags.
    fn fill(fd: impl AsFd) {
        let kind = FileKind::of(fd.as_fd());
        assert!([FileKind::Pipe, FileKind::Socket].contains(&kind));
        while kind.write(fd.as_fd(), &[b'x'; MAX_LINE_LEN]).is_ok() {}
    }

    #[test]
    fn a_line_is_written_whole() {
        let (mut reader, writer) = pipe().unwrap();
        assert!(write_line(writer.as_fd(), "a line\n"));
        let long = "é".repeat(MAX_LINE_LEN);
        assert!(write_line(writer.as_fd(), &long));
        drop(writer);
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        let (first, second) = read.split_once('\n').unwrap();
        assert_eq!(first, "a line");
        assert_eq!(
            second.len(),
            MAX_LINE_LEN - 1,
            "a whole character less, and its end"
        );
        assert!(long.starts_with(second.trim_end()) && second.ends_with('\n'));
    }

    #[test]
    fn a_full_pipe_does_not_hold_us_up() {
        let (_reader, writer) = pipe().unwrap();
        fill(&writer);
        assert!(!write_line(writer.as_fd(), "a line"));
    }

    /// Tests the case that another process fills the pipe between the poll and the write.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_pipe_that_fills_up_meanwhile_does_not_either() {
        let (_reader, writer) = pipe().unwrap();
        fill(&writer);
        let error = write_nowait(writer.as_fd(), b"a line").unwrap_err();
        assert!(
            error.kind() == io::ErrorKind::WouldBlock || is_unsupported(&error),
            "{error}"
        );
    }

    #[test]
    fn a_pipe_without_a_reader_does_not_take_a_line() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        assert!(!write_line(writer.as_fd(), "a line"));
        assert!(!is_sigpipe_pending());
    }

    #[test]
    fn a_socket_takes_lines_until_it_is_full_or_gone() {
        let (mut reader, writer) = UnixStream::pair().unwrap();
        assert!(write_line(writer.as_fd(), "a line"));
        let mut read = [0; 7];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"a line\n");
        fill(&writer);
        assert!(!write_line(writer.as_fd(), "a line"));
        reader.shutdown(Shutdown::Both).unwrap();
        assert!(!write_line(writer.as_fd(), "a line"));
        assert!(!is_sigpipe_pending());
    }

    /// A terminal that has room for a part of a line is writable, too.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_terminal_that_nobody_reads_does_not_hold_us_up() {
        use std::os::fd::FromRawFd;

        let (mut reader, mut terminal) = (0, 0);
        let null = ptr::null_mut();
        // SAFETY: the function writes two descriptors; the other pointers may be NULL.
        let made =
            unsafe { libc::openpty(&mut reader, &mut terminal, null, null.cast(), null.cast()) };
        assert_eq!(made, 0);
        // SAFETY: nothing else owns the descriptors.
        let [_reader, terminal] = [reader, terminal].map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        assert!(write_line(terminal.as_fd(), "a line"));
        let line = "x".repeat(300);
        assert!((0..100_000).any(|_| !write_line(terminal.as_fd(), &line)));
    }

    #[test]
    fn files_and_devices_take_lines() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before\n").unwrap();
        assert!(write_line(file.as_fd(), "a line"));
        assert_eq!(file.metadata().unwrap().len(), 14);
        let null = File::options().write(true).open("/dev/null").unwrap();
        assert_eq!(FileKind::of(null.as_fd()), FileKind::Device);
        assert!(write_line(null.as_fd(), "a line"));
        let full = File::options().write(true).open("/dev/full");
        assert!(full.is_err() || !write_line(full.unwrap().as_fd(), "a line"));
    }
}
