//! The permitted values of each setting: one table for programs in Rust, programs in C and
//! environment variables, with the name and the wording that each of them uses.

use std::ffi::OsStr;
use std::time::Duration;

use super::Config;
use crate::error::SetupError;
use crate::keys::unless_key;

const HOUR: Duration = Duration::from_secs(3600);

/// Upper bound of most intervals. Nobody waits longer, and points in time do not overflow.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Lower bound of intervals, because at 0 a node would do nothing else, and of the clock skew.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// As many as 1 Gbit/s carries. A tick asks the host for as many torrents as fit into them.
const MAX_SCRAPE_TELL_PACKETS: u32 = 10_000;

/// So many take half a gigabyte.
const MAX_REMEMBERED_TORRENTS: usize = 1 << 24;

/// A few dozen full packets. That is enough because a receiver sends its NAK a moment after a loss.
const MIN_REPAIR_WINDOW: usize = 64 << 10;

/// With the state of other nodes that is three quarters of a gigabyte, which fits into 32 bits.
const MAX_REPAIR_WINDOW: usize = 256 << 20;

/// The name of a setting and its permitted values, as one kind of user writes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    name: &'static str,
    expected: &'static str,
}

impl Words {
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// Returns the error for a value that is not permitted, without the value.
    pub(crate) fn refused(self) -> SetupError {
        let Self { name, expected } = self;
        SetupError::Field { name, expected }
    }

    /// Returns the error for this value, which is not permitted. It shows no key.
    pub(crate) fn refused_as(self, value: &OsStr) -> SetupError {
        let Self { name, expected } = self;
        SetupError::Setting {
            name,
            value: unless_key(&value.to_string_lossy()).to_owned(),
            expected,
        }
    }
}

/// A setting in the wording of each kind of user: Rust, C, and environment variables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    rust: Words,
    c: Words,
    variable: Option<Words>,
}

impl Setting {
    /// A setting that has the same name in C, and no environment variable.
    const fn new(name: &'static str, expected: &'static str) -> Self {
        let words = Words { name, expected };
        Self {
            rust: words,
            c: words,
            variable: None,
        }
    }

    const fn in_c(self, name: &'static str, expected: &'static str) -> Self {
        let c = Words { name, expected };
        Self { c, ..self }
    }

    const fn by_variable(self, name: &'static str, expected: &'static str) -> Self {
        let variable = Some(Words { name, expected });
        Self { variable, ..self }
    }

    /// The same setting with another requirement. `expected` words it for Rust, and `number` for
    /// C and environment variables, whose values are plain numbers.
    pub(crate) const fn but(self, expected: &'static str, number: &'static str) -> Self {
        let name = self.c.name;
        let setting = Self::new(self.rust.name, expected).in_c(name, number);
        match self.variable {
            Some(Words { name, .. }) => setting.by_variable(name, number),
            None => setting,
        }
    }

    /// Returns the wording for programs in Rust.
    pub(crate) fn rust(self) -> Words {
        self.rust
    }

    /// Returns the wording for programs in C.
    pub(crate) fn c(self) -> Words {
        self.c
    }

    /// Returns the wording for the environment variable, if the setting has one.
    pub(crate) fn variable(self) -> Option<Words> {
        self.variable
    }
}

pub(crate) const INTERFACE: Setting = Setting::new("interface", "an IPv4 address");
pub(crate) const GROUP: Setting = Setting::new("group", "an IPv4 multicast address")
    .by_variable("LIVESYNC_GROUP", "an IPv4 multicast address");
pub(crate) const PORT: Setting = Setting::new("port", "1 or more");
pub(crate) const ALLOW: Setting = Setting::new(
    "allow",
    "a list of addresses and networks like 192.0.2.0/24",
);
pub(crate) const TTL: Setting = Setting::new("ttl", "a number from 0 to 255")
    .by_variable("LIVESYNC_TTL", "a number from 0 to 255");
pub(crate) const LOOPBACK: Setting =
    Setting::new("loopback", "0 or 1").by_variable("LIVESYNC_LOOPBACK", "0 or 1");
const LISTEN: Setting =
    Setting::new("listen", "true unless speak is true").in_c("listen", "1 unless speak is 1");
pub(crate) const FLUSH_AFTER: Setting = Setting::new("flush_after", "a time")
    .in_c("flush_ms", "a number of milliseconds")
    .by_variable("LIVESYNC_FLUSH_MS", "a whole number of milliseconds");
pub(crate) const SCRAPE: Setting =
    Setting::new("scrape", "0 or 1").by_variable("LIVESYNC_SCRAPE", "0 or 1");
pub(crate) const FIRST_BEACON_DELAY: Setting = Setting::new("first_beacon_delay", "a time")
    .in_c("first_beacon_delay_ms", "a number of milliseconds")
    .by_variable("LIVESYNC_FIRST_BEACON_DELAY", "a number of seconds");
pub(crate) const BEACON_INTERVAL: Setting = Setting::new("beacon_interval", "10 ms or more")
    .in_c("beacon_interval_ms", "10 or more")
    .by_variable("LIVESYNC_BEACON_INTERVAL", "a number of seconds from 0.01");
const INQUIRE_THRESHOLD: Setting =
    Setting::new("inquire_threshold", "a number from 0 to 1").in_c("inquire_percent", "0 to 100");
pub(crate) const SCRAPE_TELL_PACKETS: Setting = Setting::new("scrape_tell_packets", "1 or more")
    .by_variable("LIVESYNC_SCRAPE_TELL_PACKETS", "a whole number from 1");
const REMEMBERED_TORRENTS: Setting = Setting::new("remembered_torrents", "16777216 or less");
pub(crate) const REPAIR: Setting =
    Setting::new("repair", "0 or 1").by_variable("LIVESYNC_REPAIR", "0 or 1");
pub(crate) const REPAIR_WINDOW: Setting = Setting::new("repair_window", "65536 or more")
    .by_variable("LIVESYNC_REPAIR_WINDOW", "a whole number from 65536");
pub(crate) const KEY_FILE: Setting = Setting::new("key_file", "the path of a file")
    .by_variable("LIVESYNC_KEY_FILE", "the path of a file");
pub(crate) const AUTH: Setting =
    Setting::new("auth", "LIVESYNC_AUTH_...").by_variable("LIVESYNC_AUTH", "accept or require");
pub(crate) const CLUSTER: Setting = Setting::new("cluster", "1 to 255 bytes of UTF-8")
    .by_variable("LIVESYNC_CLUSTER", "a name of 1 to 255 bytes of UTF-8");
pub(crate) const MAX_SKEW: Setting = Setting::new("max_skew", "10 ms or more")
    .in_c("max_skew_s", "1 or more")
    .by_variable("LIVESYNC_MAX_SKEW", "a number of seconds from 0.01");
const ISOLATED_AFTER: Setting = Setting::new("isolated_after", "0, or 10 ms or more");
pub(crate) const LOG: Setting = Setting::new("log", "a level")
    .in_c("log_level", "LIVESYNC_LOG_...")
    .by_variable("LIVESYNC_LOG", "off, error, warn, info or debug");

/// A setting, and a test of whether its value is permitted.
type Rule = (Setting, fn(&Config) -> bool);

/// The rules. A setting may have several, each with its own wording.
const RULES: [Rule; 21] = [
    // The multicast link is IPv4 only.
    (INTERFACE, |c| c.interface.is_ipv4()),
    (GROUP, |c| c.group.is_ipv4() && c.group.is_multicast()),
    (PORT, |c| c.port > 0),
    // No other node would receive a packet.
    (
        TTL.but("1 or more without loopback", "1 or more without loopback"),
        |c| c.ttl > 0 || c.loopback || !c.speak,
    ),
    (LISTEN, |c| c.listen || c.speak),
    // After an hour the peer has expired, and engine/wakeup/deadline.rs holds no later deadline.
    (FLUSH_AFTER.but("1 hour or less", "3600000 or less"), |c| {
        c.flush_after <= HOUR
    }),
    (
        FIRST_BEACON_DELAY.but("365 days or less", "31536000 or less"),
        |c| c.first_beacon_delay <= YEAR,
    ),
    (BEACON_INTERVAL, |c| c.beacon_interval >= MIN_INTERVAL),
    (
        BEACON_INTERVAL.but("365 days or less", "31536000 or less"),
        |c| c.beacon_interval <= YEAR,
    ),
    (INQUIRE_THRESHOLD, |c| {
        (0.0..=1.0).contains(&c.inquire_threshold)
    }),
    (SCRAPE_TELL_PACKETS, |c| c.scrape_tell_packets > 0),
    (
        SCRAPE_TELL_PACKETS.but("10000 or less", "10000 or less"),
        |c| c.scrape_tell_packets <= MAX_SCRAPE_TELL_PACKETS,
    ),
    (REMEMBERED_TORRENTS, |c| {
        c.remembered_torrents <= MAX_REMEMBERED_TORRENTS
    }),
    (REPAIR_WINDOW, |c| c.repair_window >= MIN_REPAIR_WINDOW),
    (
        REPAIR_WINDOW.but("268435456 or less", "268435456 or less"),
        |c| c.repair_window <= MAX_REPAIR_WINDOW,
    ),
    (KEY_FILE, |c| {
        let path = c.key_file.as_ref();
        path.is_none_or(|path| !path.as_os_str().is_empty())
    }),
    (CLUSTER, |c| {
        // In the input of the tag a zero byte ends the name.
        (1..=255).contains(&c.cluster.len()) && !c.cluster.contains('\0')
    }),
    // Packets that leave in the same millisecond may carry times some milliseconds apart.
    (MAX_SKEW, |c| c.max_skew >= MIN_INTERVAL),
    // protocol/inbound/ahead.rs remembers for so long which packets were refused for a time in the future.
    (MAX_SKEW.but("1 hour or less", "3600 or less"), |c| {
        c.max_skew <= HOUR
    }),
    (ISOLATED_AFTER, |c| {
        c.isolated_after.is_zero() || c.isolated_after >= MIN_INTERVAL
    }),
    (
        ISOLATED_AFTER.but("365 days or less", "31536000 or less"),
        |c| c.isolated_after <= YEAR,
    ),
];

impl Config {
    /// Checks that every setting has a permitted value, as
    /// [`Livesync::open`](crate::Livesync::open) does first. It makes no system call.
    ///
    /// # Errors
    /// [`SetupError::NotMulticast`] if the group is an IPv4 address but not a multicast one,
    /// [`SetupError::NoPort`] if the port is 0, and [`SetupError::Field`] for other bad values.
    ///
    /// # Examples
    /// ```
    /// use livesync::Config;
    ///
    /// let config = Config::on([192, 0, 2, 1]);
    /// assert!(config.validate().is_ok());
    /// let error = config.scrape_tell_packets(0u32).validate().unwrap_err();
    /// assert_eq!(error.to_string(), "scrape_tell_packets must be 1 or more");
    /// ```
    pub fn validate(&self) -> Result<(), SetupError> {
        let Some(setting) = broken(self).next() else {
            return Ok(());
        };
        let words = setting.rust();
        Err(match words.name() {
            "group" if self.group.is_ipv4() => SetupError::NotMulticast(self.group),
            "port" => SetupError::NoPort,
            _ => words.refused(),
        })
    }
}

/// Returns the settings whose values are not permitted, each in the wording of its broken rule.
pub(crate) fn broken(config: &Config) -> impl Iterator<Item = Setting> {
    let broken = RULES.iter().filter(|(_, holds)| !holds(config));
    broken.map(|(setting, _)| *setting)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const LEAST: Duration = Duration::from_nanos(1);

    #[test]
    fn every_setting_holds_what_it_may() {
        type Change = fn(Config) -> Config;
        let refused: [(&str, Change); 27] = [
            ("interface must be an IPv4 address", |c| {
                c.interface(Ipv6Addr::LOCALHOST)
            }),
            ("interface must be an IPv4 address", |c| {
                c.interface(Ipv4Addr::LOCALHOST.to_ipv6_mapped())
            }),
            ("group must be an IPv4 multicast address", |c| {
                c.group([0xff02, 0, 0, 0, 0, 0, 0, 5])
            }),
            ("group 10.0.0.1 is not a multicast address", |c| {
                c.group([10, 0, 0, 1])
            }),
            ("cannot sync on port 0: set the port of the cluster", |c| {
                c.port(0u16)
            }),
            ("listen must be true unless speak is true", |c| {
                c.listen(false).speak(false)
            }),
            ("beacon_interval must be 10 ms or more", |c| {
                c.beacon_interval(Duration::ZERO)
            }),
            ("beacon_interval must be 10 ms or more", |c| {
                c.beacon_interval(Duration::from_micros(9_999))
            }),
            ("inquire_threshold must be a number from 0 to 1", |c| {
                c.inquire_threshold(-0.1)
            }),
            ("inquire_threshold must be a number from 0 to 1", |c| {
                c.inquire_threshold(1.1)
            }),
            ("inquire_threshold must be a number from 0 to 1", |c| {
                c.inquire_threshold(f64::NAN)
            }),
            ("scrape_tell_packets must be 1 or more", |c| {
                c.scrape_tell_packets(0u32)
            }),
            ("repair_window must be 65536 or more", |c| {
                c.repair_window(65_535usize)
            }),
            ("repair_window must be 268435456 or less", |c| {
                c.repair_window(268_435_457usize)
            }),
            ("key_file must be the path of a file", |c| {
                c.key_file(Some("".into()))
            }),
            ("cluster must be 1 to 255 bytes of UTF-8", |c| c.cluster("")),
            ("cluster must be 1 to 255 bytes of UTF-8", |c| {
                c.cluster("a\0")
            }),
            ("max_skew must be 10 ms or more", |c| {
                c.max_skew(MIN_INTERVAL - LEAST)
            }),
            ("ttl must be 1 or more without loopback", |c| c.ttl(0u8)),
            ("flush_after must be 1 hour or less", |c| {
                c.flush_after(HOUR + LEAST)
            }),
            ("first_beacon_delay must be 365 days or less", |c| {
                c.first_beacon_delay(YEAR + LEAST)
            }),
            ("beacon_interval must be 365 days or less", |c| {
                c.beacon_interval(YEAR + LEAST)
            }),
            ("scrape_tell_packets must be 10000 or less", |c| {
                c.scrape_tell_packets(10_001u32)
            }),
            ("remembered_torrents must be 16777216 or less", |c| {
                c.remembered_torrents(16_777_217usize)
            }),
            ("max_skew must be 1 hour or less", |c| {
                c.max_skew(HOUR + LEAST)
            }),
            ("isolated_after must be 0, or 10 ms or more", |c| {
                c.isolated_after(MIN_INTERVAL - LEAST)
            }),
            ("isolated_after must be 365 days or less", |c| {
                c.isolated_after(YEAR + LEAST)
            }),
        ];
        for (expected, change) in refused {
            let error = change(Config::default()).validate().unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        let at_the_lower = Config::default()
            .ttl(0u8)
            .loopback(true)
            .flush_after(Duration::ZERO)
            .first_beacon_delay(Duration::ZERO)
            .beacon_interval(MIN_INTERVAL)
            .inquire_threshold(0.0)
            .scrape_tell_packets(1u32)
            .remembered_torrents(0usize)
            .repair_window(65_536usize)
            .cluster("x")
            .max_skew(MIN_INTERVAL)
            .isolated_after(MIN_INTERVAL);
        let at_the_upper = Config::default()
            .ttl(255u8)
            .flush_after(HOUR)
            .first_beacon_delay(YEAR)
            .beacon_interval(YEAR)
            .inquire_threshold(1.0)
            .scrape_tell_packets(10_000u32)
            .remembered_torrents(16_777_216usize)
            .repair_window(268_435_456usize)
            .cluster("x".repeat(255))
            .max_skew(HOUR)
            .isolated_after(YEAR)
            .speak(false);
        let silent = Config::default().ttl(0u8).speak(false);
        let never_isolated = Config::default().isolated_after(Duration::ZERO);
        for config in [
            Config::default(),
            at_the_lower,
            at_the_upper,
            silent,
            never_isolated,
        ] {
            assert!(config.validate().is_ok(), "{config:?}");
        }
    }
}
