//! Settings by environment variables.
//!
//! The drop-in has no other source of settings: the six functions pass none, and the configuration
//! file of the tracker does not know ours.

use std::env;
use std::ffi::{OsStr, OsString};
use std::str::FromStr;
use std::time::Duration;

use super::misspelt::refuse_unknown;
use crate::config::rules::{self, Setting};
use crate::config::{Auth, Config};
use crate::error::SetupError;
use crate::log::Level;

/// Sets a field from the value of its variable; `None` if the value is invalid.
type Parse = fn(&mut Config, &OsStr) -> Option<()>;

/// The settings that have a variable, and how each is read.
const VARIABLES: [(Setting, Parse); 15] = [
    (rules::GROUP, |c, v| set(&mut c.group, number(v))),
    (rules::TTL, |c, v| set(&mut c.ttl, number(v))),
    (rules::LOOPBACK, |c, v| set(&mut c.loopback, switch(v))),
    (rules::FLUSH_AFTER, |c, v| {
        set(&mut c.flush_after, millis(v))
    }),
    (rules::SCRAPE, |c, v| set(&mut c.scrape, switch(v))),
    (rules::FIRST_BEACON_DELAY, |c, v| {
        set(&mut c.first_beacon_delay, seconds(v))
    }),
    (rules::BEACON_INTERVAL, |c, v| {
        set(&mut c.beacon_interval, seconds(v))
    }),
    (rules::SCRAPE_TELL_PACKETS, |c, v| {
        set(&mut c.scrape_tell_packets, number(v))
    }),
    (rules::REPAIR, |c, v| set(&mut c.repair, switch(v))),
    (rules::REPAIR_WINDOW, |c, v| {
        set(&mut c.repair_window, number(v))
    }),
    // Only a path may have bytes that are not UTF-8.
    (rules::KEY_FILE, |c, v| {
        set(&mut c.key_file, Some(Some(v.into())))
    }),
    (rules::AUTH, |c, v| set(&mut c.auth, auth(v))),
    (rules::CLUSTER, |c, v| set(&mut c.cluster, number(v))),
    (rules::MAX_SKEW, |c, v| set(&mut c.max_skew, seconds(v))),
    (rules::LOG, |c, v| set(&mut c.log, level(v))),
];

/// Overrides fields of `config` with the variables that are set.
///
/// This reads the environment without the lock of the C library, so no other thread may change it
/// at the same time.
pub(super) fn read(config: &mut Config) -> Result<(), SetupError> {
    let names = VARIABLES.map(|(setting, _)| setting.variable());
    let names: Vec<_> = names.into_iter().flatten().map(|v| v.name()).collect();
    refuse_unknown(env::vars_os(), &names)?;
    let lookup = |name: &'static str| env::var_os(name);
    read_from(config, lookup)?;
    match config.key_file {
        Some(_) => Ok(()),
        None => needs_no_key(lookup),
    }
}

/// Refuses settings that have no effect without a key: an operator who has set one relies on a key.
fn needs_no_key(lookup: impl Fn(&'static str) -> Option<OsString>) -> Result<(), SetupError> {
    const IN_VAIN: &str = "unset unless LIVESYNC_KEY_FILE is set";
    let needing = [rules::AUTH, rules::CLUSTER];
    let needing = needing.map(|setting| setting.but(IN_VAIN, IN_VAIN));
    refuse_set(needing.into_iter(), lookup)
}

fn read_from(
    config: &mut Config,
    lookup: impl Fn(&'static str) -> Option<OsString>,
) -> Result<(), SetupError> {
    for (setting, parse) in VARIABLES {
        if let Some(words) = setting.variable()
            && let Some(value) = lookup(words.name())
            && parse(config, &value).is_none()
        {
            return Err(words.refused_as(&value));
        }
    }
    refuse_set(rules::broken(config), lookup)
}

/// Refuses these settings where their variables are set.
fn refuse_set(
    mut settings: impl Iterator<Item = Setting>,
    lookup: impl Fn(&'static str) -> Option<OsString>,
) -> Result<(), SetupError> {
    let refused = settings.find_map(|setting| {
        let words = setting.variable()?;
        Some(words.refused_as(&lookup(words.name())?))
    });
    refused.map_or(Ok(()), Err)
}

fn set<T>(setting: &mut T, value: Option<T>) -> Option<()> {
    *setting = value?;
    Some(())
}

fn number<T: FromStr>(text: &OsStr) -> Option<T> {
    text.to_str()?.parse().ok()
}

fn switch(text: &OsStr) -> Option<bool> {
    match text.to_str()? {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn millis(text: &OsStr) -> Option<Duration> {
    number(text).map(Duration::from_millis)
}

fn seconds(text: &OsStr) -> Option<Duration> {
    Duration::try_from_secs_f64(number(text)?).ok()
}

fn auth(text: &OsStr) -> Option<Auth> {
    match text.to_str()? {
        "accept" => Some(Auth::Accept),
        "require" => Some(Auth::Require),
        _ => None,
    }
}

fn level(text: &OsStr) -> Option<Level> {
    let text = text.to_str()?;
    let (level, _) = Level::NAMES.into_iter().find(|(_, name)| *name == text)?;
    Some(level)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn read_with(name: &str, value: impl AsRef<OsStr>) -> Result<Config, SetupError> {
        let mut config = Config::default();
        read_from(&mut config, |asked| {
            (asked == name).then(|| value.as_ref().to_owned())
        })?;
        Ok(config)
    }

    #[test]
    fn an_empty_environment_changes_nothing() {
        let mut config = Config::default();
        read_from(&mut config, |_| None).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn every_variable_sets_its_field() {
        type Case = (&'static str, &'static str, fn(&mut Config));
        let cases: [Case; 15] = [
            ("LIVESYNC_GROUP", "224.0.23.5", |c| {
                c.group = [224, 0, 23, 5].into()
            }),
            ("LIVESYNC_TTL", "255", |c| c.ttl = 255),
            ("LIVESYNC_LOOPBACK", "1", |c| c.loopback = true),
            ("LIVESYNC_SCRAPE", "0", |c| c.scrape = false),
            ("LIVESYNC_FLUSH_MS", "20", |c| {
                c.flush_after = Duration::from_millis(20)
            }),
            ("LIVESYNC_FIRST_BEACON_DELAY", "0.25", |c| {
                c.first_beacon_delay = Duration::from_millis(250);
            }),
            ("LIVESYNC_BEACON_INTERVAL", "1.5", |c| {
                c.beacon_interval = Duration::from_millis(1500);
            }),
            ("LIVESYNC_SCRAPE_TELL_PACKETS", "7", |c| {
                c.scrape_tell_packets = 7
            }),
            ("LIVESYNC_REPAIR", "0", |c| c.repair = false),
            ("LIVESYNC_REPAIR_WINDOW", "1048576", |c| {
                c.repair_window = 1 << 20
            }),
            ("LIVESYNC_KEY_FILE", "/etc/a key", |c| {
                c.key_file = Some("/etc/a key".into());
            }),
            ("LIVESYNC_AUTH", "accept", |c| c.auth = Auth::Accept),
            ("LIVESYNC_CLUSTER", "été", |c| {
                c.cluster = "été".to_owned()
            }),
            ("LIVESYNC_MAX_SKEW", "0.5", |c| {
                c.max_skew = Duration::from_millis(500);
            }),
            ("LIVESYNC_LOG", "debug", |c| c.log = Level::Debug),
        ];
        for (name, value, change) in cases {
            let mut expected = Config::default();
            change(&mut expected);
            assert_ne!(expected, Config::default(), "{name}");
            assert_eq!(read_with(name, value).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn a_value_that_looks_like_a_key_is_not_shown() {
        let key = "0f".repeat(32);
        for name in ["LIVESYNC_AUTH", "LIVESYNC_GROUP"] {
            let error = read_with(name, &key).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(&key), "{error}");
        }
    }

    #[test]
    fn every_word_for_auth_is_known() {
        let mut config = read_with("LIVESYNC_AUTH", "accept").unwrap();
        read_from(&mut config, |name| {
            (name == "LIVESYNC_AUTH").then(|| "require".into())
        })
        .unwrap();
        assert_eq!(config.auth, Auth::Require);
    }

    #[test]
    fn what_is_of_use_only_with_a_key_is_refused_without() {
        for name in ["LIVESYNC_AUTH", "LIVESYNC_CLUSTER"] {
            let set = |asked: &str| (asked == name).then(|| "require".into());
            let error = needs_no_key(set).unwrap_err().to_string();
            let expected = "is invalid: it must be unset unless LIVESYNC_KEY_FILE is set";
            assert_eq!(error, format!("{name}=require {expected}"));
        }
        assert!(needs_no_key(|_| None).is_ok());
    }

    #[test]
    fn a_name_has_up_to_255_bytes() {
        let longest = "x".repeat(255);
        let config = read_with("LIVESYNC_CLUSTER", &longest).unwrap();
        assert_eq!(config.cluster, longest);
        assert!(read_with("LIVESYNC_CLUSTER", longest + "x").is_err());
    }

    #[test]
    fn only_a_path_may_be_no_utf8() {
        let value = OsStr::from_bytes(b"/etc/\xff");
        let config = read_with("LIVESYNC_KEY_FILE", value).unwrap();
        assert_eq!(config.key_file.as_deref(), Some(value.as_ref()));
        assert!(read_with("LIVESYNC_CLUSTER", value).is_err());
    }

    #[test]
    fn the_rules_are_those_of_a_configuration() {
        for (name, value, expected) in [
            ("LIVESYNC_GROUP", "10.0.0.1", "an IPv4 multicast address"),
            ("LIVESYNC_TTL", "0", "1 or more without loopback"),
            ("LIVESYNC_FLUSH_MS", "3600001", "3600000 or less"),
            ("LIVESYNC_FIRST_BEACON_DELAY", "1e18", "31536000 or less"),
            (
                "LIVESYNC_BEACON_INTERVAL",
                "0.009",
                "a number of seconds from 0.01",
            ),
            ("LIVESYNC_BEACON_INTERVAL", "31536000.1", "31536000 or less"),
            ("LIVESYNC_SCRAPE_TELL_PACKETS", "0", "a whole number from 1"),
            (
                "LIVESYNC_SCRAPE_TELL_PACKETS",
                "4294967295",
                "10000 or less",
            ),
            (
                "LIVESYNC_REPAIR_WINDOW",
                "65535",
                "a whole number from 65536",
            ),
            ("LIVESYNC_REPAIR_WINDOW", "268435457", "268435456 or less"),
            ("LIVESYNC_MAX_SKEW", "0", "a number of seconds from 0.01"),
            ("LIVESYNC_MAX_SKEW", "3600.1", "3600 or less"),
        ] {
            let error = read_with(name, value).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("{name}={value} is invalid: it must be {expected}")
            );
        }
    }

    /// Fields that no variable has set are refused in the words of the configuration.
    #[test]
    fn the_environment_is_blamed_for_nothing_else() {
        let mut config = Config::default().port(0u16).ttl(0u8);
        let set = |asked: &str| (asked == "LIVESYNC_LOG").then(|| "debug".into());
        read_from(&mut config, set).unwrap();
        // A ttl that a variable makes valid is not refused either.
        let set = |asked: &str| (asked == "LIVESYNC_LOOPBACK").then(|| "1".into());
        read_from(&mut config, set).unwrap();
        assert!(config.port(1u16).validate().is_ok());
    }

    #[test]
    fn what_does_not_parse_is_named_with_its_value() {
        for (name, value) in [
            ("LIVESYNC_GROUP", "10.0.0.1"),
            ("LIVESYNC_GROUP", "224.0.42"),
            ("LIVESYNC_TTL", "256"),
            ("LIVESYNC_TTL", "-1"),
            ("LIVESYNC_LOOPBACK", "yes"),
            ("LIVESYNC_SCRAPE", ""),
            ("LIVESYNC_FLUSH_MS", "0.5"),
            ("LIVESYNC_FIRST_BEACON_DELAY", "-1"),
            ("LIVESYNC_FIRST_BEACON_DELAY", "inf"),
            ("LIVESYNC_BEACON_INTERVAL", "0.009"),
            ("LIVESYNC_BEACON_INTERVAL", "NaN"),
            ("LIVESYNC_BEACON_INTERVAL", "1e300"),
            ("LIVESYNC_GROUP", "ff02::5"),
            ("LIVESYNC_FLUSH_MS", "99999999999999999999"),
            ("LIVESYNC_SCRAPE_TELL_PACKETS", "0"),
            ("LIVESYNC_REPAIR", "2"),
            ("LIVESYNC_REPAIR_WINDOW", "8M"),
            ("LIVESYNC_KEY_FILE", ""),
            ("LIVESYNC_AUTH", "Require"),
            ("LIVESYNC_AUTH", ""),
            ("LIVESYNC_CLUSTER", ""),
            ("LIVESYNC_MAX_SKEW", "0"),
            ("LIVESYNC_MAX_SKEW", "-1"),
            ("LIVESYNC_MAX_SKEW", "30s"),
            ("LIVESYNC_LOG", "WARN"),
            ("LIVESYNC_LOG", ""),
        ] {
            let error = read_with(name, value).unwrap_err().to_string();
            assert!(error.contains(&format!("{name}={value} ")), "{error}");
        }
    }
}
