//! Announces and packets that the application hands to a handle.

use std::ffi::c_int;
use std::os::fd::BorrowedFd;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_OK};
use super::handle::{livesync_t, with, with_cancellable};
use crate::host::callbacks::livesync_peer_t;
use crate::types::InfoHash;

/// Sends the announce of a client to the other trackers.
///
/// A peer that leaves its swarm has the flag LIVESYNC_PEER_STOPPED. Both arguments are copied. A
/// handle with a table stores the peer there, too.
///
/// A call from inside a callback of the same handle does nothing and returns LIVESYNC_OK, since the
/// cluster knows the peer already.
///
/// @param handle The handle.
/// @param info_hash The torrent, 20 raw bytes.
/// @param peer The peer.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if a pointer is NULL, or if no client can connect to the peer, because its
///   port is 0 or its address is `0.0.0.0` or `::`;
/// - LIVESYNC_E_STATE if the handle is not started, or `speak` is 0;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once, also with locks held that the callbacks take,
/// since it calls no callback. No signal handler may call it.
/// @note It takes no lock that threads share and makes no system call, with four exceptions. If the
/// handle has a table, it takes the lock of the table. It wakes the library's thread if that thread
/// sleeps because nothing was announced for a while (0.8 s by default), and at the start of a
/// burst, when 1,024 announces of one thread wait. If the callbacks hold the library's thread up
/// for longer than `flush_ms`, or your event loop is that late, the call itself sends what waits,
/// and may wait a moment for another thread that does. It blocks if 16,384 announces of one thread
/// wait because the network takes fewer, until there is room; livesync_try_announce() does not. If
/// more than 8 threads announce, some of them share that room.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `info_hash` is NULL, or
/// points to 20 readable bytes. `peer` is NULL, or points to a peer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_announce(
    handle: *mut livesync_t,
    info_hash: *const u8,
    peer: *const livesync_peer_t,
) -> c_int {
    // SAFETY: the same preconditions.
    unsafe { announce(handle, info_hash, peer, true) }
}

/// Sends the announce of a client to the other trackers, unless it would have to wait for room.
///
/// Apart from that it is livesync_announce().
///
/// @param handle The handle.
/// @param info_hash The torrent, 20 raw bytes.
/// @param peer The peer.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_FULL if there is no room or no memory; then the announce was not taken;
/// - LIVESYNC_E_ARGUMENT if a pointer is NULL, or if no client can connect to the peer, because its
///   port is 0 or its address is `0.0.0.0` or `::`;
/// - LIVESYNC_E_STATE if the handle is not started, or `speak` is 0;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note As for livesync_announce(), except that it does not wait for room.
/// @since 0.1.0
///
/// # Safety
/// As for livesync_announce().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_try_announce(
    handle: *mut livesync_t,
    info_hash: *const u8,
    peer: *const livesync_peer_t,
) -> c_int {
    // SAFETY: the same preconditions.
    unsafe { announce(handle, info_hash, peer, false) }
}

/// # Safety
/// As for livesync_announce().
unsafe fn announce(
    handle: *mut livesync_t,
    info_hash: *const u8,
    peer: *const livesync_peer_t,
    may_wait: bool,
) -> c_int {
    if info_hash.is_null() || peer.is_null() {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: neither is NULL, so both are valid; both are plain bytes.
    let (info_hash, peer) = unsafe { (info_hash.cast::<[u8; 20]>().read(), peer.read()) };
    // SAFETY: the same preconditions.
    unsafe {
        // It guards its own system calls, which most announces do without.
        with_cancellable(handle, |handle| {
            handle.announce(InfoHash(info_hash), peer.into(), may_wait)
        })
    }
}

/// Does what is due, if the library's thread or your event loop is late.
///
/// They do the same on time, so no application needs to call it. Callbacks are called from inside
/// it. On a handle that is not started it does nothing.
///
/// @param handle The handle.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It blocks for as
/// long as a callback does.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_tick(handle: *mut livesync_t) -> c_int {
    // SAFETY: the same preconditions.
    unsafe {
        with(handle, |handle| {
            handle.livesync.tick();
            LIVESYNC_OK
        })
    }
}

/// Receives what waits at a socket of the application, and applies it.
///
/// It receives until the socket is empty, or as much as the receive buffer of the socket holds.
/// Callbacks are called from inside it. On a handle that was not started yet it receives and
/// discards the packets, after a stop it receives nothing, and while thousands of events wait it
/// leaves the packets in the socket.
///
/// @param handle The handle.
/// @param fd The descriptor of a datagram socket, which stays the application's.
/// @return LIVESYNC_OK, also if the socket cannot be read, or
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL or `fd` is negative;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It does not block
/// on the socket, but for as long as a callback does.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_receive(handle: *mut livesync_t, fd: c_int) -> c_int {
    if fd < 0 {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: not negative; the caller has it open during the call, and if not the
    // kernel reports it. And the same preconditions.
    unsafe {
        let fd = BorrowedFd::borrow_raw(fd);
        with(handle, |handle| {
            handle.livesync.receive_from(fd);
            LIVESYNC_OK
        })
    }
}
