//! What each setting may hold: one table for programs in Rust, programs in C and environment
//! variables, with the name and the words that each of them has for it.

use std::ffi::OsStr;
use std::time::Duration;

use super::Config;
use crate::error::SetupError;
use crate::keys::unless_key;

const HOUR: Duration = Duration::from_secs(3600);

/// What comes later than that comes never.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is done again and again is not done more often: at 0 a node would do nothing else. Nor are
/// clocks compared more closely.
const SHORTEST: Duration = Duration::from_millis(10);

/// As many as a network of 1 Gbit/s takes, and no more than a host can be asked for at once: in a
/// tick it is asked for as many torrents as they hold.
const MOST_SCRAPE_TELL_PACKETS: u32 = 10_000;

/// They take half a gigabyte.
const MOST_REMEMBERED: usize = 1 << 24;

/// A few dozen full packets: whoever has lost one asks for it a moment later.
const LEAST_WINDOW: usize = 64 << 10;

/// With what is remembered of others it takes three quarters of a gigabyte, which a process of 32
/// bits has room for.
const MOST_WINDOW: usize = 256 << 20;

/// A name of a setting, and what it may hold, in the words of who sets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    name: &'static str,
    expected: &'static str,
}

impl Words {
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// It holds something else.
    pub(crate) fn refused(self) -> SetupError {
        let Self { name, expected } = self;
        SetupError::Field { name, expected }
    }

    /// It holds this value, which is something else, and may be a key.
    pub(crate) fn refused_as(self, value: &OsStr) -> SetupError {
        let Self { name, expected } = self;
        SetupError::Setting {
            name,
            value: unless_key(&value.to_string_lossy()).to_owned(),
            expected,
        }
    }
}

/// A setting, as each calls it who may set it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    rust: Words,
    c: Words,
    variable: Option<Words>,
}

impl Setting {
    /// One that has the same name in C, and no variable.
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

    /// The same setting, of which something else is expected; in C and of a variable it is a
    /// number.
    pub(crate) const fn but(self, expected: &'static str, number: &'static str) -> Self {
        let name = self.c.name;
        let setting = Self::new(self.rust.name, expected).in_c(name, number);
        match self.variable {
            Some(Words { name, .. }) => setting.by_variable(name, number),
            None => setting,
        }
    }

    /// In the words of Rust.
    pub(crate) fn rust(self) -> Words {
        self.rust
    }

    /// In the words of C.
    pub(crate) fn c(self) -> Words {
        self.c
    }

    /// In the words of who sets an environment variable, if there is one.
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
    Setting::new("listen", "true, and neither is speak").in_c("listen", "1, and neither is speak");
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

/// A setting, and whether it holds what it may.
type Rule = (Setting, fn(&Config) -> bool);

/// The rules. A setting may have several, each with its words.
const RULES: [Rule; 21] = [
    // The transport is IPv4.
    (INTERFACE, |c| c.interface.is_ipv4()),
    (GROUP, |c| c.group.is_ipv4() && c.group.is_multicast()),
    (PORT, |c| c.port > 0),
    // Nobody would hear what is told.
    (
        TTL.but("1 or more without loopback", "1 or more without loopback"),
        |c| c.ttl > 0 || c.loopback || !c.speak,
    ),
    (LISTEN, |c| c.listen || c.speak),
    // By then a peer has expired; and no deadline in engine/wakeup/deadline.rs is later.
    (FLUSH_AFTER.but("1 hour or less", "3600000 or less"), |c| {
        c.flush_after <= HOUR
    }),
    (
        FIRST_BEACON_DELAY.but("365 days or less", "31536000 or less"),
        |c| c.first_beacon_delay <= YEAR,
    ),
    (BEACON_INTERVAL, |c| c.beacon_interval >= SHORTEST),
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
        |c| c.scrape_tell_packets <= MOST_SCRAPE_TELL_PACKETS,
    ),
    (REMEMBERED_TORRENTS, |c| {
        c.remembered_torrents <= MOST_REMEMBERED
    }),
    (REPAIR_WINDOW, |c| c.repair_window >= LEAST_WINDOW),
    (
        REPAIR_WINDOW.but("268435456 or less", "268435456 or less"),
        |c| c.repair_window <= MOST_WINDOW,
    ),
    (KEY_FILE, |c| {
        let path = c.key_file.as_ref();
        path.is_none_or(|path| !path.as_os_str().is_empty())
    }),
    (CLUSTER, |c| {
        // In the proof a zero byte ends it.
        (1..=255).contains(&c.cluster.len()) && !c.cluster.contains('\0')
    }),
    // Packets that leave in the same millisecond may say that they are some apart.
    (MAX_SKEW, |c| c.max_skew >= SHORTEST),
    // For so long protocol/ahead.rs remembers what was refused, as its time had not come.
    (MAX_SKEW.but("1 hour or less", "3600 or less"), |c| {
        c.max_skew <= HOUR
    }),
    (ISOLATED_AFTER, |c| {
        c.isolated_after.is_zero() || c.isolated_after >= SHORTEST
    }),
    (
        ISOLATED_AFTER.but("365 days or less", "31536000 or less"),
        |c| c.isolated_after <= YEAR,
    ),
];

impl Config {
    /// Whether every setting holds what it may. [`Livesync::open`](crate::Livesync::open) asks
    /// this first.
    ///
    /// # Errors
    /// The first setting that holds something else.
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

/// The settings that hold what they may not, each in the words of the rule that it breaks.
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
            ("interface is not an IPv4 address", |c| {
                c.interface(Ipv6Addr::LOCALHOST)
            }),
            ("interface is not an IPv4 address", |c| {
                c.interface(Ipv4Addr::LOCALHOST.to_ipv6_mapped())
            }),
            ("group is not an IPv4 multicast address", |c| {
                c.group([0xff02, 0, 0, 0, 0, 0, 0, 5])
            }),
            ("group 10.0.0.1 is not a multicast address", |c| {
                c.group([10, 0, 0, 1])
            }),
            ("cannot sync on port 0", |c| c.port(0u16)),
            ("listen is not true, and neither is speak", |c| {
                c.listen(false).speak(false)
            }),
            ("beacon_interval is not 10 ms or more", |c| {
                c.beacon_interval(Duration::ZERO)
            }),
            ("beacon_interval is not 10 ms or more", |c| {
                c.beacon_interval(Duration::from_micros(9_999))
            }),
            ("inquire_threshold is not a number from 0 to 1", |c| {
                c.inquire_threshold(-0.1)
            }),
            ("inquire_threshold is not a number from 0 to 1", |c| {
                c.inquire_threshold(1.1)
            }),
            ("inquire_threshold is not a number from 0 to 1", |c| {
                c.inquire_threshold(f64::NAN)
            }),
            ("scrape_tell_packets is not 1 or more", |c| {
                c.scrape_tell_packets(0u32)
            }),
            ("repair_window is not 65536 or more", |c| {
                c.repair_window(65_535usize)
            }),
            ("repair_window is not 268435456 or less", |c| {
                c.repair_window(268_435_457usize)
            }),
            ("key_file is not the path of a file", |c| {
                c.key_file(Some("".into()))
            }),
            ("cluster is not 1 to 255 bytes of UTF-8", |c| c.cluster("")),
            ("cluster is not 1 to 255 bytes of UTF-8", |c| {
                c.cluster("a\0")
            }),
            ("max_skew is not 10 ms or more", |c| {
                c.max_skew(SHORTEST - LEAST)
            }),
            ("ttl is not 1 or more without loopback", |c| c.ttl(0u8)),
            ("flush_after is not 1 hour or less", |c| {
                c.flush_after(HOUR + LEAST)
            }),
            ("first_beacon_delay is not 365 days or less", |c| {
                c.first_beacon_delay(YEAR + LEAST)
            }),
            ("beacon_interval is not 365 days or less", |c| {
                c.beacon_interval(YEAR + LEAST)
            }),
            ("scrape_tell_packets is not 10000 or less", |c| {
                c.scrape_tell_packets(10_001u32)
            }),
            ("remembered_torrents is not 16777216 or less", |c| {
                c.remembered_torrents(16_777_217usize)
            }),
            ("max_skew is not 1 hour or less", |c| {
                c.max_skew(HOUR + LEAST)
            }),
            ("isolated_after is not 0, or 10 ms or more", |c| {
                c.isolated_after(SHORTEST - LEAST)
            }),
            ("isolated_after is not 365 days or less", |c| {
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
            .beacon_interval(SHORTEST)
            .inquire_threshold(0.0)
            .scrape_tell_packets(1u32)
            .remembered_torrents(0usize)
            .repair_window(65_536usize)
            .cluster("x")
            .max_skew(SHORTEST)
            .isolated_after(SHORTEST);
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
