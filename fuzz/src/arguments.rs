//! Arguments of C functions: mostly the correct ones, sometimes any.

use std::ffi::{CString, c_char};
use std::mem::offset_of;
use std::ptr;

use libfuzzer_sys::arbitrary::{self, Arbitrary, Unstructured};

use crate::callbacks::Host;
use crate::header::livesync_config_t;

/// Length of the longest struct that a future program may pass.
pub const LONGEST: usize = 1024;

/// Shortest valid length of a configuration, and its length up to the callback for the log.
const LEAST: usize = offset_of!(livesync_config_t, group);
const AFTER_LOG: usize = offset_of!(livesync_config_t, is_running);

/// Fills the bytes behind the memory that the library may write to.
const GUARD: u8 = 0xa5;

/// A value that is mostly the correct one.
#[derive(Debug)]
pub struct Odd<T>(Option<T>);

impl<T: Copy> Odd<T> {
    pub fn or(&self, usual: T) -> T {
        self.0.unwrap_or(usual)
    }

    /// Returns the value if it is not the usual one.
    pub fn or_none(&self) -> Option<T> {
        self.0
    }
}

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Odd<T> {
    fn arbitrary(data: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let odd = u8::arbitrary(data)? >= 240;
        odd.then(|| T::arbitrary(data)).transpose().map(Self)
    }
}

/// Memory that the library may write to, up to a length.
pub struct Out {
    bytes: Vec<u64>,
    len: usize,
}

impl Out {
    pub fn new(len: usize) -> Self {
        let bytes = vec![u64::from_ne_bytes([GUARD; 8]); len / 8 + 2];
        Self { bytes, len }
    }

    pub fn as_mut_ptr<T>(&mut self) -> *mut T {
        self.bytes.as_mut_ptr().cast()
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        let bytes = self.bytes.iter().flat_map(|word| word.to_ne_bytes());
        assert!(
            bytes.skip(self.len).all(|byte| byte == GUARD),
            "written behind the end"
        );
    }
}

/// A configuration, as its differences from one that works.
#[derive(Arbitrary, Debug)]
pub struct Draft<'a> {
    size: Odd<u16>,
    interface: Odd<Option<&'a [u8]>>,
    group: Odd<Option<&'a [u8]>>,
    allow: Odd<Option<&'a [u8]>>,
    key_file: Odd<Option<&'a [u8]>>,
    has_key: bool,
    cluster: Odd<Option<&'a [u8]>>,
    port: Odd<()>,
    switches: Odd<[u8; 8]>,
    repair: u8,
    auth: Odd<u8>,
    table: Odd<u8>,
    millis: Odd<[u32; 3]>,
    inquire_percent: Odd<u32>,
    scrape_tell_packets: Odd<u32>,
    remembered_torrents: Odd<u32>,
    lifetimes: Odd<[u32; 2]>,
    table_bytes: Odd<u64>,
    log_level: Odd<i32>,
    max_skew_s: Odd<u32>,
    repair_window: Odd<u64>,
    callbacks: Odd<u16>,
}

/// The texts of a configuration, which must outlive its use.
pub struct Config {
    room: Out,
    _texts: Vec<CString>,
}

impl Config {
    pub fn as_mut_ptr(&mut self) -> *mut livesync_config_t {
        self.room.as_mut_ptr()
    }
}

impl Draft<'_> {
    /// Changes `config`, which livesync_config_init() has set, and copies it to memory of the
    /// length that its size says. It stays on 127.0.0.1, and reads no file but the key.
    pub fn config(
        &self,
        mut config: livesync_config_t,
        port: u16,
        key_file: &str,
        host: &Host,
    ) -> Config {
        let mut texts = Vec::new();
        let mut text = |odd: &Odd<Option<&[u8]>>, usual: Option<&str>| -> *const c_char {
            let bytes = odd.or(usual.map(str::as_bytes));
            let bytes = bytes.map(|bytes| bytes.split(|byte| *byte == 0).next());
            let Some(bytes) = bytes.flatten() else {
                return ptr::null();
            };
            let text = CString::new(bytes).expect("it ends before the first zero");
            let at = text.as_ptr();
            texts.push(text);
            at
        };
        // The library must use no other interface and no other file.
        let interface = self.interface.0.flatten();
        let interface = Odd(interface.filter(|text| !is_address(text)).map(Some));
        let path = self.key_file.0.flatten();
        let path = Odd(path.filter(|path| !path.contains(&b'/')).map(Some));
        config.interface = text(&interface, Some("127.0.0.1"));
        config.group = text(&self.group, Some("224.0.42.5"));
        config.allow = text(&self.allow, Some("127.0.0.0/8"));
        config.key_file = text(&path, self.has_key.then_some(key_file));
        config.cluster = text(&self.cluster, None);
        config.port = if self.port.0.is_some() { 0 } else { port };
        let [ttl, loopback, speak, listen, ipv6, scrape, ..] =
            self.switches.or([1, 1, 1, 1, 1, 1, 1, 1]);
        (config.ttl, config.loopback, config.speak) = (ttl, loopback, speak);
        (config.listen, config.ipv6, config.scrape) = (listen, ipv6, scrape);
        config.repair = self.repair % 2;
        config.auth = self.auth.or(u8::from(self.has_key));
        config.table = self.table.or(0);
        let [flush, first, interval] = self.millis.or([1, 0, 10]);
        (config.flush_ms, config.first_beacon_delay_ms) = (flush, first);
        config.beacon_interval_ms = interval;
        config.inquire_percent = self.inquire_percent.or(config.inquire_percent);
        config.scrape_tell_packets = self.scrape_tell_packets.or(config.scrape_tell_packets);
        config.remembered_torrents = self.remembered_torrents.or(64);
        [config.peer_lifetime_s, config.torrent_lifetime_s] = self.lifetimes.or([60, 60]);
        config.table_bytes = self.table_bytes.or(1 << 16);
        config.log_level = self.log_level.or(4);
        config.max_skew_s = self.max_skew_s.or(config.max_skew_s);
        config.repair_window = self.repair_window.or(1 << 16);
        host.fill(&mut config, self.callbacks.or(0));
        let whole = size_of::<livesync_config_t>() as u16;
        config.size = match usize::from(self.size.or(whole)) % LONGEST {
            // Without a callback for the log, lines would go to our own standard error.
            LEAST..AFTER_LOG => AFTER_LOG,
            size => size,
        };
        let mut room = Out::new(LONGEST);
        // SAFETY: `room` is large enough.
        unsafe { room.as_mut_ptr::<livesync_config_t>().write(config) };
        Config {
            room,
            _texts: texts,
        }
    }
}

fn is_address(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.trim_end_matches('\0')
        .parse::<std::net::IpAddr>()
        .is_ok()
        || text.contains('\0')
}
