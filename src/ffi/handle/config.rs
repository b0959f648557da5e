//! The configuration of a handle.

use std::ffi::{CStr, c_char, c_int};
use std::net::Ipv4Addr;
use std::ptr;
use std::str::FromStr;
use std::time::Duration;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_OK};
use crate::config::{Config, LIVESYNC_PORT};
use crate::error::SetupError;
use crate::ffi::environment;
use crate::host::callbacks::livesync_callbacks_t;
use crate::log::Level;
use crate::types::PeerFlags;

/// What livesync_open() is told. Set it by livesync_config_init() first: later
/// versions may have more fields, at the end.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_config_t {
    /// The size of this struct as the caller knows it; set by livesync_config_init().
    pub size: usize,
    /// The IPv4 address of the interface to sync on, as text. It must be set.
    pub interface: *const c_char,
    /// The multicast group, IPv4 as text. NULL: 224.0.42.5
    pub group: *const c_char,
    /// The port of the group, in host byte order. 9696
    pub port: u16,
    /// The multicast ttl. 1
    pub ttl: u8,
    /// 1: other members on this host are reached, too. 0
    pub loopback: u8,
    /// 1: the callbacks take IPv6 peers. 0
    pub ipv6: u8,
    /// 1: the LIVESYNC_... environment variables win over the fields here. 0
    pub environment: u8,
    /// The oldest announce waits so many milliseconds for its packet to fill up. 100
    pub flush_ms: u32,
    /// The first beacon comes so many milliseconds after the start. 1800000
    pub first_beacon_delay_ms: u32,
    /// Milliseconds between two beacons, from 10. 60000
    pub beacon_interval_ms: u32,
    /// How many scrape tell packets are sent per tenth of a second at most. 100
    pub tell_packets: u32,
    /// What is logged: LIVESYNC_LOG_... and what is more serious. LIVESYNC_LOG_WARN
    pub log_level: c_int,
    /// What the library calls.
    pub callbacks: livesync_callbacks_t,
}

/// Nothing is logged.
pub const LIVESYNC_LOG_OFF: c_int = 0;
/// Sync does not work.
pub const LIVESYNC_LOG_ERROR: c_int = 1;
/// Sync works, but an operator should look.
pub const LIVESYNC_LOG_WARN: c_int = 2;
/// What happens once in a while: start, stop.
pub const LIVESYNC_LOG_INFO: c_int = 3;
/// What happens all the time.
pub const LIVESYNC_LOG_DEBUG: c_int = 4;

/// The peer has everything.
pub const LIVESYNC_PEER_SEEDING: u8 = 0x80;
/// The peer has just finished its download.
pub const LIVESYNC_PEER_COMPLETED: u8 = 0x40;
/// The peer has left the swarm.
pub const LIVESYNC_PEER_STOPPED: u8 = 0x20;

const _: () = {
    assert!(LIVESYNC_PEER_SEEDING == PeerFlags::SEEDING.0);
    assert!(LIVESYNC_PEER_COMPLETED == PeerFlags::COMPLETED.0);
    assert!(LIVESYNC_PEER_STOPPED == PeerFlags::STOPPED.0);
};

/// The least that a configuration must have: up to the interface.
const LEAST: usize = std::mem::offset_of!(livesync_config_t, group);

/// Sets the first `size` bytes of a configuration to the defaults.
///
/// # Safety
/// `config` is either NULL, or valid for writing `size` bytes.
pub(super) unsafe fn init(config: *mut livesync_config_t, size: usize) -> c_int {
    if config.is_null() || size < LEAST {
        return LIVESYNC_E_ARGUMENT;
    }
    let defaults = livesync_config_t { size, ..defaults() };
    let known = size.min(size_of::<livesync_config_t>());
    // SAFETY: valid for `size` bytes; those that we do not know of are zeroed.
    unsafe {
        ptr::write_bytes(config.cast::<u8>(), 0, size);
        ptr::copy_nonoverlapping((&raw const defaults).cast::<u8>(), config.cast(), known);
    }
    LIVESYNC_OK
}

/// A whole configuration: what the caller's lacks is as by default.
///
/// # Safety
/// `config` is either NULL, or valid for reading as many bytes as its size says.
pub(super) unsafe fn read(config: *const livesync_config_t) -> Option<livesync_config_t> {
    if config.is_null() {
        return None;
    }
    // SAFETY: not NULL, so it begins with its size.
    let size = unsafe { (&raw const (*config).size).read() };
    if size < LEAST {
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

fn defaults() -> livesync_config_t {
    let config = Config::default();
    livesync_config_t {
        size: size_of::<livesync_config_t>(),
        interface: ptr::null(),
        group: ptr::null(),
        port: LIVESYNC_PORT,
        ttl: config.ttl,
        loopback: config.loopback.into(),
        ipv6: 0,
        environment: 0,
        flush_ms: millis(config.flush_after),
        first_beacon_delay_ms: millis(config.first_beacon_delay),
        beacon_interval_ms: millis(config.beacon_interval),
        tell_packets: config.tell_packets,
        log_level: config.log as c_int,
        callbacks: livesync_callbacks_t::NONE,
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// A configuration in our own words.
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) interface: Ipv4Addr,
    pub(super) port: u16,
}

impl Settings {
    /// # Safety
    /// The strings are NULL, or end with a zero byte.
    pub(super) unsafe fn of(raw: &livesync_config_t) -> Result<Self, SetupError> {
        let field = |name, expected| move || SetupError::Field { name, expected };
        // SAFETY: as this function's contract says.
        let interface = unsafe { address(raw.interface) };
        let interface = interface
            .flatten()
            .ok_or_else(field("interface", "an IPv4 address"))?;
        let mut config = Config {
            ttl: raw.ttl,
            loopback: raw.loopback != 0,
            flush_after: Duration::from_millis(raw.flush_ms.into()),
            first_beacon_delay: Duration::from_millis(raw.first_beacon_delay_ms.into()),
            beacon_interval: Duration::from_millis(raw.beacon_interval_ms.into()),
            tell_packets: raw.tell_packets,
            log: level(raw.log_level).ok_or_else(field("log_level", "LIVESYNC_LOG_..."))?,
            ..Config::default()
        };
        // SAFETY: as this function's contract says.
        if let Some(group) = unsafe { address(raw.group) } {
            config.group = group.ok_or_else(field("group", "an IPv4 multicast address"))?;
        }
        if raw.beacon_interval_ms < 10 {
            return Err(field("beacon_interval_ms", "10 or more")());
        }
        if raw.tell_packets == 0 {
            return Err(field("tell_packets", "1 or more")());
        }
        if raw.environment != 0 {
            environment::read(&mut config)?;
        }
        Ok(Self {
            config,
            interface,
            port: raw.port,
        })
    }
}

fn level(number: c_int) -> Option<Level> {
    Some(match number {
        LIVESYNC_LOG_OFF => Level::Off,
        LIVESYNC_LOG_ERROR => Level::Error,
        LIVESYNC_LOG_WARN => Level::Warn,
        LIVESYNC_LOG_INFO => Level::Info,
        LIVESYNC_LOG_DEBUG => Level::Debug,
        _ => return None,
    })
}

/// An address as text: nothing for NULL, and nothing in it for another text.
///
/// # Safety
/// `text` is NULL, or ends with a zero byte.
unsafe fn address(text: *const c_char) -> Option<Option<Ipv4Addr>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL.
    let text = unsafe { CStr::from_ptr(text) };
    Some(
        text.to_str()
            .ok()
            .and_then(|text| Ipv4Addr::from_str(text).ok()),
    )
}
