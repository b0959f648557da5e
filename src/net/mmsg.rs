//! Many datagrams with one system call: sendmmsg(2), recvmmsg(2), and the offloads of
//! udp(7), by which several datagrams pass the kernel as one; and those it dropped.
#![allow(unsafe_code)]

use std::io::{self, IoSlice};
use std::mem::{self, offset_of};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use socket2::{SockAddr, SockAddrStorage};

use super::arrival::Arrival;
use crate::address::canonical;

/// How many messages there are at most in one call.
pub(super) const MESSAGES: usize = 8;

/// A control message, laid out as cmsg(3) says.
#[repr(C)]
struct Control<T> {
    header: libc::cmsghdr,
    value: T,
}

/// Room for the control messages that a message may have.
#[repr(C)]
struct Received {
    segment: Control<libc::c_int>,
    stamp: Control<libc::timespec>,
}

/// Lets datagrams that come together arrive as one message. A kernel that takes this also
/// cuts messages of several datagrams wherever they go; Linux 4.18 to 4.20, which can send
/// them, forget it on the way to others on the same host.
pub(super) fn accept_segments(fd: BorrowedFd<'_>) -> io::Result<()> {
    set_segments(fd, true)
}

/// From now on each arrives alone.
pub(super) fn refuse_segments(fd: BorrowedFd<'_>) {
    let _ = set_segments(fd, false);
}

fn set_segments(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    switch(fd, (libc::SOL_UDP, libc::UDP_GRO), on)
}

/// Lets the kernel say of each message when it arrived, if it can.
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

/// How many messages the kernel has dropped at this socket. It counts with 32 bits.
pub(super) fn drops(fd: BorrowedFd<'_>) -> u32 {
    let mut info = [0_u32; libc::SK_MEMINFO_DROPS as usize + 1];
    let mut len = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the kernel writes `len` bytes to `info` at most. One that knows less leaves
    // the rest as it is.
    unsafe {
        let info = (&raw mut info).cast();
        let (level, name) = (libc::SOL_SOCKET, libc::SO_MEMINFO);
        libc::getsockopt(fd.as_raw_fd(), level, name, info, &mut len);
    }
    info[libc::SK_MEMINFO_DROPS as usize]
}

/// Sends messages to where the socket is connected, [`MESSAGES`] at most: how many the
/// network took, or why it did not take the first. Each part of a message becomes a
/// datagram; all are of one length, only the last may be shorter.
pub(super) fn send_messages<'a>(
    fd: BorrowedFd<'_>,
    messages: impl Iterator<Item = &'a [IoSlice<'a>]>,
) -> io::Result<usize> {
    // SAFETY: these C structures may be all zeros.
    let (mut headers, mut controls): ([libc::mmsghdr; MESSAGES], [Control<u16>; MESSAGES]) =
        unsafe { mem::zeroed() };
    let mut count = 0;
    for (i, message) in messages.take(MESSAGES).enumerate() {
        let header = &mut headers[i].msg_hdr;
        // The kernel only reads it, and knows an IoSlice as an iovec.
        header.msg_iov = message.as_ptr().cast_mut().cast();
        header.msg_iovlen = message.len() as _;
        if let [first, _, ..] = message {
            let control = &mut controls[i];
            // Without what pads the structure: a move may have left anything there.
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

/// Receives a message into each of `buffers`, [`MESSAGES`] at most, without blocking:
/// how many there were.
pub(super) fn receive_messages<'a>(
    fd: BorrowedFd<'_>,
    buffers: impl Iterator<Item = &'a mut [u8]>,
    arrivals: &mut [Arrival; MESSAGES],
) -> io::Result<usize> {
    type Controls = [Received; MESSAGES];
    // SAFETY: these C structures may be all zeros.
    let (mut headers, mut parts, mut controls): (
        [libc::mmsghdr; MESSAGES],
        [libc::iovec; MESSAGES],
        Controls,
    ) = unsafe { mem::zeroed() };
    let mut sources = [const { None }; MESSAGES];
    let mut count = 0;
    for (i, buffer) in buffers.take(MESSAGES).enumerate() {
        parts[i].iov_base = buffer.as_mut_ptr().cast();
        parts[i].iov_len = buffer.len();
        let source = sources[i].insert(SockAddrStorage::zeroed());
        let header = &mut headers[i].msg_hdr;
        header.msg_name = ptr::from_mut(source).cast();
        header.msg_namelen = source.size_of();
        header.msg_iov = &mut parts[i];
        header.msg_iovlen = 1;
        header.msg_control = ptr::from_mut(&mut controls[i]).cast();
        header.msg_controllen = size_of::<Received>() as _;
        count += 1;
    }
    // SAFETY: the first `count` headers describe memory that outlives the call, and of
    // which the kernel only overwrites initialised bytes.
    let received = unsafe {
        let headers = headers.as_mut_ptr();
        let (flags, no_timeout) = (libc::MSG_DONTWAIT, ptr::null_mut());
        libc::recvmmsg(fd.as_raw_fd(), headers, count, flags as _, no_timeout)
    };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    for (i, arrival) in arrivals[..received].iter_mut().enumerate() {
        let header = &headers[i].msg_hdr;
        let source = sources[i].take().map(|source| {
            // SAFETY: the kernel wrote the address and its length, or left it all zeros.
            unsafe { SockAddr::new(source, header.msg_namelen) }
        });
        *arrival = Arrival {
            len: headers[i].msg_len as usize,
            source: source.and_then(|source| source.as_socket()).map(canonical),
            ..said(header)
        };
    }
    Ok(received)
}

/// What control messages say of a message: how long its datagrams are, if there are several, and
/// when it arrived.
fn said(message: &libc::msghdr) -> Arrival {
    let mut said = Arrival::default();
    // SAFETY: the kernel wrote the control messages that the header describes, or none, and said
    // how long they are.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !next.is_null() {
        // SAFETY: it is one of these control messages, and a value is read only if it is as long.
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
    /// From now on this thread does not have these system calls.
    pub(in crate::net) fn refuse(calls: &[libc::c_long]) {
        const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        const IS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
        let instruction = |code, jt, k| libc::sock_filter { code, jt, jf: 0, k };
        // The number of the call is the first that the filter sees.
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
