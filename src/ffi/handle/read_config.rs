//! Reads a C configuration into a `Config`.

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use ipnet::IpNet;

use super::config::{
    LIVESYNC_AUTH_ACCEPT, LIVESYNC_AUTH_REQUIRE, LIVESYNC_LOG_DEBUG, LIVESYNC_LOG_ERROR,
    LIVESYNC_LOG_INFO, LIVESYNC_LOG_OFF, LIVESYNC_LOG_WARN, livesync_config_t,
};
use crate::config::rules;
use crate::config::{Auth, Config};
use crate::error::SetupError;
use crate::ffi::environment;
use crate::host::callbacks::Callbacks;
use crate::host::memory::Limits;
use crate::log::Level;

/// A field that only C has, what it may hold, and whether it does.
type Rule = (
    &'static str,
    &'static str,
    fn(&livesync_config_t, &Callbacks) -> bool,
);

const RULES: [Rule; 6] = [
    ("peer_lifetime_s", "1 or more", |c, _| c.peer_lifetime_s > 0),
    ("torrent_lifetime_s", "1 or more", |c, _| {
        c.torrent_lifetime_s > 0
    }),
    ("table_bytes", "4096 or more", |c, _| c.table_bytes >= 4096),
    ("table_bytes", "1000000000000 or less", |c, _| {
        c.table_bytes <= Limits::MOST_BYTES
    }),
    (
        "merge_torrent",
        "set if the other three callbacks for torrents are set, and NULL if they are NULL",
        |_, callbacks| callbacks.has_all_or_none_for_torrents(),
    ),
    (
        "table",
        "0 if there are callbacks for peers or torrents",
        |c, callbacks| c.table == 0 || !callbacks.has_any_of_a_table(),
    ),
];

/// A configuration that was read.
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) callbacks: Callbacks,
    /// The limits of the table, if the configuration asks for one.
    pub(super) table: Option<Limits>,
}

impl Settings {
    /// Reads `raw`, and the environment if it says so.
    ///
    /// # Safety
    /// The strings are NULL, or end with a zero byte.
    pub(super) unsafe fn of(raw: &livesync_config_t) -> Result<Self, SetupError> {
        // SAFETY: the same preconditions.
        let [interface, group, allow, cluster] =
            unsafe { [raw.interface, raw.group, raw.allow, raw.cluster].map(|t| text(t)) };
        // SAFETY: the same preconditions.
        let key_file = unsafe { string(raw.key_file) };
        let interface = interface.and_then(address);
        let interface = interface.ok_or(rules::INTERFACE.c().refused())?;
        let group = group.map_or(Some(Config::default().group), address);
        let group = group.ok_or(rules::GROUP.c().refused())?;
        let allow = networks(allow.unwrap_or_default());
        let allow = allow.ok_or(rules::ALLOW.c().refused())?;
        let log = level(raw.log_level).ok_or(rules::LOG.c().refused())?;
        let auth = auth(raw.auth).ok_or(rules::AUTH.c().refused())?;
        let callbacks = raw.callbacks();
        let broken = RULES.iter().find(|(.., holds)| !holds(raw, &callbacks));
        if let Some(&(name, expected, _)) = broken {
            return Err(SetupError::Field { name, expected });
        }
        let millis = |millis: u32| Duration::from_millis(millis.into());
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let mut config = Config::on(interface)
            .group(group)
            .port(raw.port)
            .allow(allow)
            .ttl(raw.ttl)
            .loopback(raw.loopback != 0)
            .speak(raw.speak != 0)
            .listen(raw.listen != 0)
            .flush_after(millis(raw.flush_ms))
            .ipv6(raw.ipv6 != 0)
            .scrape(raw.scrape != 0)
            .first_beacon_delay(millis(raw.first_beacon_delay_ms))
            .beacon_interval(millis(raw.beacon_interval_ms))
            .inquire_threshold(f64::from(raw.inquire_percent) / 100.0)
            .scrape_tell_packets(raw.scrape_tell_packets)
            .remembered_torrents(raw.remembered_torrents as usize)
            .log(log)
            .repair(raw.repair != 0)
            .repair_window(usize::try_from(raw.repair_window).unwrap_or(usize::MAX))
            .key_file(key_file.map(|path| OsStr::from_bytes(path.to_bytes()).into()))
            .auth(auth)
            .max_skew(seconds(raw.max_skew_s));
        if let Some(name) = cluster {
            config.cluster = name.to_owned();
        }
        if raw.environment != 0 {
            environment::read(&mut config)?;
        }
        if let Some(broken) = rules::broken(&config).next() {
            return Err(broken.c().refused());
        }
        Ok(Self {
            config,
            callbacks,
            table: (raw.table != 0).then(|| {
                Limits::default()
                    .peer_lifetime(seconds(raw.peer_lifetime_s))
                    .torrent_lifetime(seconds(raw.torrent_lifetime_s))
                    .bytes(raw.table_bytes)
            }),
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

fn auth(number: u8) -> Option<Auth> {
    Some(match number {
        LIVESYNC_AUTH_REQUIRE => Auth::Require,
        LIVESYNC_AUTH_ACCEPT => Auth::Accept,
        _ => return None,
    })
}

/// A string as text: `None` for NULL, and if it is not UTF-8 a text that no field accepts.
///
/// # Safety
/// As for [`string`].
unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    // SAFETY: the same preconditions.
    let text = unsafe { string(text) }?;
    Some(text.to_str().unwrap_or("\0"))
}

/// A string; `None` for NULL.
///
/// # Safety
/// `text` is NULL, or ends with a zero byte, and outlives the result.
unsafe fn string<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not NULL where it is read.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// Addresses and networks, separated by white space or commas.
fn networks(text: &str) -> Option<Vec<IpNet>> {
    let words = text
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty());
    let parse = |word: &str| address(word).map(IpNet::from).or(word.parse().ok());
    words.map(parse).collect()
}
