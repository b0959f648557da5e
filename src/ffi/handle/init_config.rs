//! A configuration in the memory of a caller, whose struct may be shorter or longer than ours.

use std::ffi::c_int;
use std::ptr;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_OK};
use super::config::{LIVESYNC_AUTH_REQUIRE, livesync_config_t};
use crate::config::Config;
use crate::host::memory::Limits;

/// The smallest size of a configuration: up to the interface.
const MIN_SIZE: usize = std::mem::offset_of!(livesync_config_t, group);

/// Sets the first `size` bytes of a configuration to the defaults.
///
/// # Safety
/// `config` is NULL, or valid for writing `size` bytes.
pub(super) unsafe fn init(config: *mut livesync_config_t, size: usize) -> c_int {
    if config.is_null() || !is_a_size(size) {
        return LIVESYNC_E_ARGUMENT;
    }
    let defaults = livesync_config_t { size, ..defaults() };
    let known = size.min(size_of::<livesync_config_t>());
    // SAFETY: valid for `size` bytes; those that this version does not know are zeroed.
    unsafe {
        ptr::write_bytes(config.cast::<u8>(), 0, size);
        ptr::copy_nonoverlapping((&raw const defaults).cast::<u8>(), config.cast(), known);
    }
    LIVESYNC_OK
}

/// Reads a configuration; fields that the caller's struct does not have get their defaults.
///
/// # Safety
/// `config` is NULL, or valid for reading as many bytes as its size says.
pub(super) unsafe fn read(config: *const livesync_config_t) -> Option<livesync_config_t> {
    if config.is_null() {
        return None;
    }
    // SAFETY: not NULL, so it begins with its size.
    let size = unsafe { (&raw const (*config).size).read() };
    if !is_a_size(size) {
        return None;
    }
    let mut whole = defaults();
    let known = size.min(size_of::<livesync_config_t>());
    // SAFETY: both are valid for so many bytes; any bytes that a caller of C can put
    // there are a configuration.
    unsafe {
        ptr::copy_nonoverlapping(config.cast::<u8>(), (&raw mut whole).cast(), known);
    }
    Some(whole)
}

/// Returns whether some version of the struct can have this size. No C compiler ends a struct
/// inside a pointer.
fn is_a_size(size: usize) -> bool {
    size >= MIN_SIZE && size.is_multiple_of(align_of::<livesync_config_t>())
}

fn defaults() -> livesync_config_t {
    let config = Config::default();
    let limits = Limits::default();
    livesync_config_t {
        size: size_of::<livesync_config_t>(),
        interface: ptr::null(),
        group: ptr::null(),
        allow: ptr::null(),
        port: config.port,
        ttl: config.ttl,
        loopback: config.loopback.into(),
        speak: config.speak.into(),
        listen: config.listen.into(),
        ipv6: 0,
        scrape: config.scrape.into(),
        table: 0,
        environment: 0,
        flush_ms: number(config.flush_after.as_millis()),
        first_beacon_delay_ms: number(config.first_beacon_delay.as_millis()),
        beacon_interval_ms: number(config.beacon_interval.as_millis()),
        inquire_percent: (config.inquire_threshold * 100.0).round() as u32,
        scrape_tell_packets: config.scrape_tell_packets,
        remembered_torrents: number(config.remembered_torrents as u128),
        peer_lifetime_s: number(limits.peer_lifetime.as_secs().into()),
        torrent_lifetime_s: number(limits.torrent_lifetime.as_secs().into()),
        table_bytes: limits.bytes,
        log_level: config.log as c_int,
        user: ptr::null_mut(),
        log: None,
        is_running: None,
        is_allowed: None,
        add_peer: None,
        remove_peer: None,
        packet_applied: None,
        new_tracker_id: None,
        count_torrents: None,
        walk_torrents: None,
        look_up_torrent: None,
        merge_torrent: None,
        key_file: ptr::null(),
        cluster: ptr::null(),
        max_skew_s: number(config.max_skew.as_secs().into()),
        repair: config.repair.into(),
        auth: LIVESYNC_AUTH_REQUIRE,
        repair_window: config.repair_window as u64,
    }
}

fn number(number: u128) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
