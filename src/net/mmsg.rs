//! Many datagrams with one system call: sendmmsg(2), recvmmsg(2), and the offloads of udp(7), by
//! which several datagrams pass through the kernel as one message. It also reads the kernel's
//! count of dropped messages.
#![allow(unsafe_code)]

use std::io::{self, IoSlice};
use std::mem::{self, offset_of};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use socket2::{SockAddr, SockAddrStorage};

use super::arrival::ReceivedMessage;
use crate::address::canonical;

/// The most messages of one system call.
pub(super) const MAX_MESSAGES: usize = 8;

/// A control message, laid out as cmsg(3) says.
#[repr(C)]
struct Control<T> {
    header: libc::cmsghdr,
    value: T,
}

/// Room for the control messages of a received message.
#[repr(C)]
struct ReceivedControls {
    segment: Control<libc::c_int>,
    stamp: Control<libc::timespec>,
}

/// Lets datagrams that arrive together be received as one message (`UDP_GRO`).
///
/// A kernel that supports this also cuts sent messages into datagrams on every way. Linux 4.18 to
/// 4.20 can send such messages, but do not cut them on the way to receivers on the same host.
///
/// # Errors
/// The error of setsockopt(2), if the kernel does not support the option.
pub(super) fn accept_segments(fd: BorrowedFd<'_>) -> io::Result<()> {
    set_segments(fd, true)
}

/// Lets each datagram be received as a message of its own.
pub(super) fn refuse_segments(fd: BorrowedFd<'_>) {
    let _ = set_segments(fd, false);
}

fn set_segments(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    switch(fd, (libc::SOL_UDP, libc::UDP_GRO), on)
}

/// Lets the kernel stamp each message with its time of arrival, if it can.
pub(super) fn stamp_arrivals(fd: BorrowedFd<'_>) {
    let _ = switch(fd, (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS), true);
}

fn switch(
    fd: BorrowedFd<'_>,
    (level, option): (libc::c_int, libc::c_int),
    on: bool,
) -> io::Result<()> {
    let on = libc::c_int::from(on);
    let len = size_of_val(&on) as libc::socklen_t;
    // SAFETY: the kernel reads `len` bytes of `on`.
    let result = unsafe {
        let on = (&raw const on).cast();
        libc::setsockopt(fd.as_raw_fd(), level, option, on, len)
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Returns how many messages the kernel has dropped at this socket. The kernel counts with 32 bits.
pub(super) fn drops(fd: BorrowedFd<'_>) -> u32 {
    let mut info = [0_u32; libc::SK_MEMINFO_DROPS as usize + 1];
    let mut len = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the kernel writes at most `len` bytes to `info`. A kernel that knows fewer values
    // leaves the rest as it is.
    unsafe {
        let info = (&raw mut info).cast();
        let (level, name) = (libc::SOL_SOCKET, libc::SO_MEMINFO);
        libc::getsockopt(fd.as_raw_fd(), level, name, info, &mut len);
    }
    info[libc::SK_MEMINFO_DROPS as usize]
}

/// Sends at most [`MAX_MESSAGES`] messages to the address to which the socket is connected. Returns
/// how many the network took.
///
/// Each part of a message becomes a datagram. All parts have the same length, except that the last
/// may be shorter.
///
/// # Errors
/// The error of the first message, if the network did not take it.
pub(super) fn send_messages<'a>(
    fd: BorrowedFd<'_>,
    messages: impl Iterator<Item = &'a [IoSlice<'a>]>,
) -> io::Result<usize> {
    // SAFETY: these C structures may be all zeros.
    let (mut headers, mut controls): ([libc::mmsghdr; MAX_MESSAGES], [Control<u16>; MAX_MESSAGES]) =
        unsafe { mem::zeroed() };
    let mut count = 0;
    for (i, message) in messages.take(MAX_MESSAGES).enumerate() {
        let header = &mut headers[i].msg_hdr;
        // The kernel only reads the slices, and an IoSlice has the layout of an iovec.
        header.msg_iov = message.as_ptr().cast_mut().cast();
        header.msg_iovlen = message.len() as _;
        if let [first, _, ..] = message {
            let control = &mut controls[i];
            // The length excludes the padding, where a move may have left arbitrary bytes.
            let len = offset_of!(Control<u16>, value) + size_of::<u16>();
            control.header.cmsg_len = len as _;
            control.header.cmsg_level = libc::SOL_UDP;
            control.header.cmsg_type = libc::UDP_SEGMENT;
            control.value = first.len() as u16;
            header.msg_control = ptr::from_mut(control).cast();
            header.msg_controllen = len as _;
        }
        count += 1;
    }
    // SAFETY: the first `count` headers describe memory that outlives the call.
    let sent = unsafe { libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Receives at most [`MAX_MESSAGES`] messages without blocking, one into each of `buffers`. Returns
/// how many there were.
///
/// # Errors
/// The error of recvmmsg(2), such as `WouldBlock` if no message waits.
pub(super) fn receive_messages<'a>(
    fd: BorrowedFd<'_>,
    buffers: impl Iterator<Item = &'a mut [u8]>,
    arrivals: &mut [ReceivedMessage; MAX_MESSAGES],
) -> io::Result<usize> {
    type Controls = [ReceivedControls; MAX_MESSAGES];
    // SAFETY: these C structures may be all zeros.
    let (mut headers, mut parts, mut controls): (
        [libc::mmsghdr; MAX_MESSAGES],
        [libc::iovec; MAX_MESSAGES],
        Controls,
    ) = unsafe { mem::zeroed() };
    let mut sources = [const { None }; MAX_MESSAGES];
    let mut count = 0;
    for (i, buffer) in buffers.take(MAX_MESSAGES).enumerate() {
        parts[i].iov_base = buffer.as_mut_ptr().cast();
        parts[i].iov_len = buffer.len();
        let source = sources[i].insert(SockAddrStorage::zeroed());
        let header = &mut headers[i].msg_hdr;
        header.msg_name = ptr::from_mut(source).cast();
        header.msg_namelen = source.size_of();
        header.msg_iov = &mut parts[i];
        header.msg_iovlen = 1;
        header.msg_control = ptr::from_mut(&mut controls[i]).cast();
        header.msg_controllen = size_of::<ReceivedControls>() as _;
        count += 1;
    }
    // SAFETY: the first `count` headers describe initialised memory that outlives the call.
    let received = unsafe {
        let headers = headers.as_mut_ptr();
        let (flags, no_timeout) = (libc::MSG_DONTWAIT, ptr::null_mut());
        libc::recvmmsg(fd.as_raw_fd(), headers, count, flags as _, no_timeout)
    };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    for (i, arrival) in arrivals[..received].iter_mut().enumerate() {
        let header = &headers[i].msg_hdr;
        let source = sources[i].take().map(|source| {
            // SAFETY: the kernel has written the address and its length, or left all zeros.
            unsafe { SockAddr::new(source, header.msg_namelen) }
        });
        *arrival = ReceivedMessage {
            len: headers[i].msg_len as usize,
            source: source.and_then(|source| source.as_socket()).map(canonical),
            ..said(header)
        };
    }
    Ok(received)
}

/// Reads the control messages of a message: the length of its datagrams, if there are several, and
/// its time of arrival.
fn said(message: &libc::msghdr) -> ReceivedMessage {
    let mut said = ReceivedMessage::default();
    // SAFETY: the kernel has written the control messages that the header describes, and their
    // length.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !next.is_null() {
        // SAFETY: `next` is one of these control messages, and a value is read only if the message
        // is long enough for it.
        unsafe {
            let header = &*next;
            let is = |level, kind, len: usize| {
                (header.cmsg_level, header.cmsg_type) == (level, kind)
                    && header.cmsg_len as usize >= libc::CMSG_LEN(len as _) as usize
            };
            let value = libc::CMSG_DATA(next);
            if is(libc::SOL_UDP, libc::UDP_GRO, size_of::<libc::c_int>()) {
                let segment = value.cast::<libc::c_int>().read_unaligned();
                said.segment = usize::try_from(segment).ok().filter(|segment| *segment > 0);
            } else if is(
                libc::SOL_SOCKET,
                libc::SCM_TIMESTAMPNS,
                size_of::<libc::timespec>(),
            ) {
                let stamp = value.cast::<libc::timespec>().read_unaligned();
                said.stamp = since_1970(&stamp);
            }
            next = libc::CMSG_NXTHDR(message, next);
        }
    }
    said
}

fn since_1970(time: &libc::timespec) -> Option<Duration> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanos = u32::try_from(time.tv_nsec).ok()?;
    (nanos < 1_000_000_000).then(|| Duration::new(seconds, nanos))
}

#[cfg(all(test, not(target_env = "musl")))]
pub(super) mod tests {
    /// Makes these system calls fail with ENOSYS on this thread from now on.
    pub(in crate::net) fn refuse(calls: &[libc::c_long]) {
        const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        const IS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
        let instruction = |code, jt, k| libc::sock_filter { code, jt, jf: 0, k };
        // The number of the call is at the beginning of the data that the filter reads.
        let mut filter = vec![instruction(LOAD, 0, 0)];
        for (i, call) in calls.iter().enumerate() {
            filter.push(instruction(IS, (calls.len() - i) as u8, *call as u32));
        }
        filter.push(instruction(RETURN, 0, libc::SECCOMP_RET_ALLOW));
        let refusal = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
        filter.push(instruction(RETURN, 0, refusal));
        let program = libc::sock_fprog {
            len: filter.len() as u16,
            filter: filter.as_mut_ptr(),
        };
        // SAFETY: `program` and `filter` outlive the calls.
        let refused = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
        };
        assert!(refused, "{}", std::io::Error::last_os_error());
    }
}
