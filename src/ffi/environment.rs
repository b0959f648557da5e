//! Settings by environment. The drop-in has no other way to get any: the six
//! functions do not pass settings, and the tracker's configuration file does not
//! know ours.

use std::cell::RefCell;
use std::env;
use std::ffi::{OsStr, OsString};
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use super::misspelt::refuse_unknown;
use crate::config::{Auth, Config, SHORTEST_BEACON_INTERVAL, is_cluster_name};
use crate::error::SetupError;
use crate::keys::unless_key;
use crate::log::Level;

/// Changes `config` to what the environment says, where it says something.
///
/// The environment is read without a lock of the C library, so no other thread may change it
/// meanwhile.
pub(super) fn read(config: &mut Config) -> Result<(), SetupError> {
    refuse_unknown(env::vars_os(), &names())?;
    let lookup = |name: &'static str| env::var_os(name);
    read_from(config, lookup)?;
    match config.key_file {
        Some(_) => Ok(()),
        None => needs_no_key(lookup),
    }
}

/// The names of all variables, in the order in which they are read.
fn names() -> Vec<&'static str> {
    let names = RefCell::new(Vec::new());
    let note = |name| {
        names.borrow_mut().push(name);
        None
    };
    read_from(&mut Config::default(), note).expect("what is not set is not wrong");
    names.into_inner()
}

/// Who has set one of these relies on a key, and should not do so in vain.
fn needs_no_key(lookup: impl Fn(&'static str) -> Option<OsString>) -> Result<(), SetupError> {
    let needing = ["LIVESYNC_AUTH", "LIVESYNC_CLUSTER"];
    let set = needing
        .into_iter()
        .find_map(|name| Some((name, lookup(name)?)));
    set.map_or(Ok(()), |(name, value)| {
        Err(SetupError::Setting {
            name,
            value: unless_key(&value.to_string_lossy()).to_owned(),
            expected: "of use without LIVESYNC_KEY_FILE",
        })
    })
}

fn read_from(
    config: &mut Config,
    lookup: impl Fn(&'static str) -> Option<OsString>,
) -> Result<(), SetupError> {
    let set_os =
        |name: &'static str, expected, apply: &mut dyn FnMut(&OsStr) -> Option<()>| match lookup(
            name,
        ) {
            Some(value) => apply(&value).ok_or_else(|| SetupError::Setting {
                name,
                value: unless_key(&value.to_string_lossy()).to_owned(),
                expected,
            }),
            None => Ok(()),
        };
    let set = |name, expected, apply: &mut dyn FnMut(&str) -> Option<()>| {
        set_os(name, expected, &mut |value| apply(value.to_str()?))
    };
    set("LIVESYNC_GROUP", "an IPv4 multicast address", &mut |text| {
        let group = number::<Ipv4Addr>(text)?;
        config.group = group.into();
        group.is_multicast().then_some(())
    })?;
    set("LIVESYNC_TTL", "a number from 0 to 255", &mut |text| {
        config.ttl = number(text)?;
        Some(())
    })?;
    set("LIVESYNC_LOOPBACK", "0 or 1", &mut |text| {
        config.loopback = switch(text)?;
        Some(())
    })?;
    set(
        "LIVESYNC_FLUSH_MS",
        "a whole number of milliseconds",
        &mut |text| {
            config.flush_after = Duration::from_millis(number::<u32>(text)?.into());
            Some(())
        },
    )?;
    set("LIVESYNC_SCRAPE", "0 or 1", &mut |text| {
        config.scrape = switch(text)?;
        Some(())
    })?;
    set(
        "LIVESYNC_FIRST_BEACON_DELAY",
        "a number of seconds",
        &mut |text| {
            config.first_beacon_delay = seconds(text)?;
            Some(())
        },
    )?;
    set(
        "LIVESYNC_BEACON_INTERVAL",
        "a number of seconds from 0.01",
        &mut |text| {
            config.beacon_interval = seconds(text)?;
            (config.beacon_interval >= SHORTEST_BEACON_INTERVAL).then_some(())
        },
    )?;
    set(
        "LIVESYNC_TELL_PACKETS",
        "a whole number from 1",
        &mut |text| {
            config.tell_packets = number(text)?;
            (config.tell_packets > 0).then_some(())
        },
    )?;
    set("LIVESYNC_REPAIR", "0 or 1", &mut |text| {
        config.repair = switch(text)?;
        Some(())
    })?;
    set_os("LIVESYNC_KEY_FILE", "the path of a file", &mut |path| {
        config.key_file = Some(path.into());
        (!path.is_empty()).then_some(())
    })?;
    set("LIVESYNC_AUTH", "accept or require", &mut |text| {
        config.auth = match text {
            "accept" => Auth::Accept,
            "require" => Auth::Require,
            _ => return None,
        };
        Some(())
    })?;
    set(
        "LIVESYNC_CLUSTER",
        "a name of 1 to 255 bytes of UTF-8",
        &mut |text| {
            config.cluster = text.to_owned();
            is_cluster_name(text).then_some(())
        },
    )?;
    set(
        "LIVESYNC_MAX_SKEW",
        "a number of seconds, more than 0",
        &mut |text| {
            config.max_skew = seconds(text)?;
            (!config.max_skew.is_zero()).then_some(())
        },
    )?;
    set(
        "LIVESYNC_LOG",
        "off, error, warn, info or debug",
        &mut |text| {
            let (level, _) = Level::NAMES.into_iter().find(|(_, name)| *name == text)?;
            config.log = level;
            Some(())
        },
    )?;
    Ok(())
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(number(text)?).ok()
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
        let cases: [Case; 14] = [
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
            ("LIVESYNC_TELL_PACKETS", "7", |c| c.tell_packets = 7),
            ("LIVESYNC_REPAIR", "0", |c| c.repair = false),
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
            let expected = format!("{name}=require is not of use without LIVESYNC_KEY_FILE");
            assert_eq!(error, expected);
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
            ("LIVESYNC_TELL_PACKETS", "0"),
            ("LIVESYNC_REPAIR", "2"),
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
