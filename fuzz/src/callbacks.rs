//! A host with callbacks: it reads all its arguments, gives any answer, and calls the library
//! from inside its callbacks.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use crate::header::*;

/// The callbacks find it behind `user`.
pub struct Host {
    /// The handle that calls back at the moment, if any.
    pub handle: Cell<Handle>,
    /// The next answer: any number.
    pub answer: Cell<u8>,
}

impl Host {
    pub fn new(answer: u8) -> Self {
        Self {
            handle: Cell::new(ptr::null_mut()),
            answer: Cell::new(answer),
        }
    }

    /// Returns a different number each time.
    fn answers(&self) -> u8 {
        let answer = self.answer.get().wrapping_mul(5).wrapping_add(3);
        self.answer.set(answer);
        answer
    }

    /// Sets the callbacks, each by a bit.
    pub fn fill(&self, config: &mut livesync_config_t, which: u16) {
        let has = |bit: u16| which >> bit & 1 == 1;
        config.user = ptr::from_ref(self).cast_mut().cast();
        config.log = Some(log);
        config.is_running = has(0).then_some(is_running);
        config.is_allowed = has(1).then_some(is_allowed);
        config.add_peer = has(2).then_some(peer);
        config.remove_peer = has(3).then_some(peer);
        config.packet_applied = has(4).then_some(packet_applied);
        config.new_tracker_id = has(5).then_some(new_tracker_id);
        config.count_torrents = has(6).then_some(count_torrents);
        config.walk_torrents = (has(6) != has(7)).then_some(walk_torrents);
        config.look_up_torrent = has(6).then_some(look_up_torrent);
        config.merge_torrent = has(6).then_some(merge_torrent);
    }
}

/// Returns the host behind `user`, and calls the library from inside the callback.
fn host<'a>(user: *mut c_void) -> &'a Host {
    // SAFETY: `fill` has set it, and the host outlives its handle.
    let host = unsafe { &*user.cast::<Host>() };
    let handle = host.handle.get();
    // SAFETY: NULL, or the handle that calls back at the moment, so it is open.
    unsafe {
        if !handle.is_null() {
            assert_eq!(livesync_process(handle), E_STATE);
            assert_eq!(livesync_close(handle), E_STATE);
            let mut stats = [0; 64];
            assert_eq!(livesync_stats(handle, stats.as_mut_ptr(), stats.len()), OK);
            if host.answers() % 64 == 0 {
                assert_eq!(livesync_stop(handle), OK);
            }
        }
    }
    host
}

extern "C" fn log(level: c_int, message: *const c_char, _: *mut c_void) {
    // SAFETY: the header says that it is a text.
    let message = unsafe { CStr::from_ptr(message) };
    let message = message.to_str().expect("UTF-8");
    assert!(!message.is_empty() && !message.contains('\n'), "{message}");
    assert!((1..=4).contains(&level));
}

extern "C" fn is_running(user: *mut c_void) -> c_int {
    (host(user).answers() % 16).into()
}

extern "C" fn is_allowed(ip: *const u8, user: *mut c_void) -> c_int {
    // SAFETY: the header says 16 bytes.
    let ip = unsafe { ip.cast::<[u8; 16]>().read() };
    assert_eq!(ip[..12], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
    (host(user).answers() % 16).into()
}

extern "C" fn peer(info_hash: *const u8, peer: *const livesync_peer_t, user: *mut c_void) {
    // SAFETY: the header says 20 bytes, and a peer.
    let (_, peer) = unsafe { (info_hash.cast::<[u8; 20]>().read(), peer.read()) };
    assert_eq!(peer.reserved, 0);
    let handle = host(user).handle.get();
    // SAFETY: as in `host`; inside a callback the call does nothing.
    unsafe { livesync_announce(handle, info_hash, &peer) };
}

extern "C" fn packet_applied(peers: usize, user: *mut c_void) {
    assert!(peers <= 65_507 / 28);
    host(user);
}

extern "C" fn new_tracker_id(_: u32, user: *mut c_void) {
    host(user);
}

extern "C" fn count_torrents(user: *mut c_void) -> u64 {
    host(user).answers().into()
}

extern "C" fn walk_torrents(
    cursor: *mut livesync_cursor_t,
    torrents: *mut livesync_torrent_t,
    limit: usize,
    user: *mut c_void,
) -> usize {
    let answer = host(user).answers();
    let count = limit.min(answer.into());
    // SAFETY: the header says a cursor, and room for `limit` torrents.
    unsafe {
        let cursor = &mut *cursor;
        cursor.bucket += 1;
        cursor.place = if cursor.bucket < 8 { 0 } else { 2 };
        for at in 0..count {
            torrents.add(at).write(torrent(answer));
        }
    }
    count
}

extern "C" fn look_up_torrent(torrent: *mut livesync_torrent_t, user: *mut c_void) -> c_int {
    let answer = host(user).answers();
    // SAFETY: the header says a torrent.
    unsafe { (*torrent).downloaded = answer.into() };
    c_int::from(answer % 4)
}

extern "C" fn merge_torrent(torrent: *const livesync_torrent_t, user: *mut c_void) -> c_int {
    // SAFETY: the header says a torrent.
    unsafe { torrent.read() };
    c_int::from(host(user).answers() % 8) - 2
}

/// A torrent.
pub fn torrent(number: u8) -> livesync_torrent_t {
    livesync_torrent_t {
        info_hash: [number; 20],
        base_offset: number.into(),
        downloaded: number.into(),
    }
}
