//! include/livesync.h, declared as a program in another language would do it. Structs that the
//! library only writes are bytes here.

#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_int, c_void};

// Links the library.
use livesync as _;

pub const OK: c_int = 0;
pub const E_ARGUMENT: c_int = -1;
pub const E_STATE: c_int = -5;
pub const E_TRIPPED: c_int = -7;
pub const E_SILENT: c_int = -8;

#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_peer_t {
    pub ip: [u8; 16],
    pub port: u16,
    pub flags: u8,
    pub reserved: u8,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_cursor_t {
    pub bucket: u32,
    pub place: u32,
    pub after: [u8; 20],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_torrent_t {
    pub info_hash: [u8; 20],
    pub base_offset: u32,
    pub downloaded: u64,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_event_t {
    pub event_type: u32,
    pub tracker_id: u32,
    pub info_hash: [u8; 20],
    pub peer: livesync_peer_t,
    pub torrent: livesync_torrent_t,
    pub cursor: livesync_cursor_t,
    pub limit: u32,
}

type peer_fn = extern "C" fn(*const u8, *const livesync_peer_t, *mut c_void);
type walk_fn =
    extern "C" fn(*mut livesync_cursor_t, *mut livesync_torrent_t, usize, *mut c_void) -> usize;

#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_config_t {
    pub size: usize,
    pub interface: *const c_char,
    pub group: *const c_char,
    pub allow: *const c_char,
    pub port: u16,
    pub ttl: u8,
    pub loopback: u8,
    pub speak: u8,
    pub listen: u8,
    pub ipv6: u8,
    pub scrape: u8,
    pub table: u8,
    pub environment: u8,
    pub flush_ms: u32,
    pub first_beacon_delay_ms: u32,
    pub beacon_interval_ms: u32,
    pub inquire_percent: u32,
    pub scrape_tell_packets: u32,
    pub remembered_torrents: u32,
    pub peer_lifetime_s: u32,
    pub torrent_lifetime_s: u32,
    pub table_bytes: u64,
    pub log_level: c_int,
    pub user: *mut c_void,
    pub log: Option<extern "C" fn(c_int, *const c_char, *mut c_void)>,
    pub is_running: Option<extern "C" fn(*mut c_void) -> c_int>,
    pub is_allowed: Option<extern "C" fn(*const u8, *mut c_void) -> c_int>,
    pub add_peer: Option<peer_fn>,
    pub remove_peer: Option<peer_fn>,
    pub packet_applied: Option<extern "C" fn(usize, *mut c_void)>,
    pub new_tracker_id: Option<extern "C" fn(u32, *mut c_void)>,
    pub count_torrents: Option<extern "C" fn(*mut c_void) -> u64>,
    pub walk_torrents: Option<walk_fn>,
    pub look_up_torrent: Option<extern "C" fn(*mut livesync_torrent_t, *mut c_void) -> c_int>,
    pub merge_torrent: Option<extern "C" fn(*const livesync_torrent_t, *mut c_void) -> c_int>,
    pub key_file: *const c_char,
    pub cluster: *const c_char,
    pub max_skew_s: u32,
    pub repair: u8,
    pub auth: u8,
    pub repair_window: u64,
}

/// A handle: NULL, or a pointer that livesync_open() has stored.
pub type Handle = *mut c_void;

unsafe extern "C" {
    pub fn livesync_version() -> u32;
    pub fn livesync_features() -> u64;
    pub fn livesync_strerror(error: c_int) -> *const c_char;
    pub fn livesync_config_init(config: *mut livesync_config_t, size: usize) -> c_int;
    pub fn livesync_open(config: *const livesync_config_t, out: *mut Handle) -> c_int;
    pub fn livesync_start(handle: Handle, tracker_id: u32) -> c_int;
    pub fn livesync_start_polling(handle: Handle, tracker_id: u32) -> c_int;
    pub fn livesync_announce(
        handle: Handle,
        info_hash: *const u8,
        peer: *const livesync_peer_t,
    ) -> c_int;
    pub fn livesync_try_announce(
        handle: Handle,
        info_hash: *const u8,
        peer: *const livesync_peer_t,
    ) -> c_int;
    pub fn livesync_tick(handle: Handle) -> c_int;
    pub fn livesync_receive(handle: Handle, fd: c_int) -> c_int;
    pub fn livesync_stop(handle: Handle) -> c_int;
    pub fn livesync_close(handle: Handle) -> c_int;
    pub fn livesync_fd(handle: Handle) -> c_int;
    pub fn livesync_next_timeout_ms(handle: Handle) -> c_int;
    pub fn livesync_process(handle: Handle) -> c_int;
    pub fn livesync_poll_events(
        handle: Handle,
        out: *mut u8,
        capacity: usize,
        event_size: usize,
    ) -> c_int;
    pub fn livesync_answer_count(handle: Handle, torrents: u64) -> c_int;
    pub fn livesync_answer_walk(
        handle: Handle,
        torrents: *const livesync_torrent_t,
        count: usize,
        next: *const livesync_cursor_t,
    ) -> c_int;
    pub fn livesync_answer_look_up(handle: Handle, torrent: *const livesync_torrent_t) -> c_int;
    pub fn livesync_answer_merge(handle: Handle, info_hash: *const u8, merged: c_int) -> c_int;
    pub fn livesync_stats(handle: Handle, out: *mut u8, size: usize) -> c_int;
    pub fn livesync_nodes(handle: Handle, out: *mut u8, capacity: usize, size: usize) -> c_int;
    pub fn livesync_metrics_text(handle: Handle, buffer: *mut c_char, capacity: usize) -> c_int;
    pub fn livesync_selftest(config: *const livesync_config_t, time_ms: u32) -> c_int;
    pub fn livesync_peers(
        handle: Handle,
        info_hash: *const u8,
        out: *mut livesync_peer_t,
        capacity: usize,
    ) -> c_int;
    pub fn livesync_counts(
        handle: Handle,
        info_hash: *const u8,
        out: *mut u8,
        size: usize,
    ) -> c_int;
}
