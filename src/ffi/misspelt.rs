//! Environment variables that begin like ours: misspelt ones, and those of other programs.

use std::ffi::OsString;

use crate::error::SetupError;
use crate::keys::unless_key;

/// The beginning of all our variables.
const PREFIX: &str = "LIVESYNC_";

/// The beginnings of variables for our tests, and for bindings that look for the library.
const OTHERS: [&str; 3] = ["LIVESYNC_TEST_", "LIVESYNC_TESTS_", "LIVESYNC_LIBRARY"];

/// The most mistakes in a name that still counts as a misspelling.
const MAX_MISTAKES: usize = 2;

/// Refuses variables with unknown names, so that a misspelt one does not start a tracker without its
/// setting, least of all without its key.
pub(super) fn refuse_unknown(
    variables: impl Iterator<Item = (OsString, OsString)>,
    known: &[&'static str],
) -> Result<(), SetupError> {
    for (name, value) in variables {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        let is_ours = name.starts_with(PREFIX) && !is_for_others(&name, &value);
        if is_ours && !known.contains(&name.as_ref()) {
            return Err(SetupError::UnknownSetting {
                meant: meant(&name, known),
                name: unless_key(&name).to_owned(),
            });
        }
    }
    Ok(())
}

/// Returns whether the variable is of another program.
///
/// Kubernetes describes every service to every container: one with the name livesync in
/// LIVESYNC_SERVICE_HOST, LIVESYNC_PORT=tcp://..., LIVESYNC_PORT_80_TCP_ADDR and the like.
fn is_for_others(name: &str, value: &str) -> bool {
    let behind_port = name.split_once("_PORT").map(|(_, behind)| behind);
    let is_of_a_port = behind_port.is_some_and(|behind| {
        let number = behind.trim_start_matches('_').split('_').next();
        let numbered = number.is_some_and(|number| number.parse::<u16>().is_ok());
        numbered || behind.is_empty() && value.contains("://")
    });
    OTHERS.iter().any(|other| name.starts_with(other))
        || name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || is_of_a_port
}

/// The known variable that the name is probably meant to be.
fn meant(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let begun = known.iter().find(|known| known.starts_with(name));
    let near = known.iter().min_by_key(|known| mistakes(name, known));
    let near = near.filter(|known| mistakes(name, known) <= MAX_MISTAKES);
    begun.filter(|_| name != PREFIX).or(near).copied()
}

/// The number of letters to add, leave out or change to turn one name into the other.
fn mistakes(name: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in name.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 7] = [
        "LIVESYNC_GROUP",
        "LIVESYNC_TTL",
        "LIVESYNC_FLUSH_MS",
        "LIVESYNC_KEY_FILE",
        "LIVESYNC_CLUSTER",
        "LIVESYNC_MAX_SKEW",
        "LIVESYNC_LOG",
    ];

    fn unknown(name: &str, value: &str) -> Option<String> {
        let variables = [("PATH", "/bin"), ("LIVESYNC_TTL", "1"), (name, value)];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let refused = refuse_unknown(variables.into_iter(), &KNOWN);
        refused.err().map(|error| error.to_string())
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_one_that_is_meant() {
        for (name, meant) in [
            ("LIVESYNC_KEYFILE", "LIVESYNC_KEY_FILE"),
            ("LIVESYNC_KEY", "LIVESYNC_KEY_FILE"),
            ("LIVESYNC_KEY_FLIE", "LIVESYNC_KEY_FILE"),
            ("LIVESYNC_GRUOP", "LIVESYNC_GROUP"),
            ("LIVESYNC_FLUSH", "LIVESYNC_FLUSH_MS"),
            ("LIVESYNC_TTL_", "LIVESYNC_TTL"),
            ("LIVESYNC_MAXSKEW", "LIVESYNC_MAX_SKEW"),
        ] {
            let expected = format!("{name} is not a setting of livesync; {meant} may be meant");
            assert_eq!(unknown(name, "1"), Some(expected));
        }
        for name in [
            "LIVESYNC_",
            "LIVESYNC_PORT",
            "LIVESYNC_INTERFACE",
            "LIVESYNC_TESTKEY",
        ] {
            let expected = format!("{name} is not a setting of livesync");
            assert_eq!(unknown(name, "1"), Some(expected));
        }
        let value = "file:///etc/key";
        assert!(unknown("LIVESYNC_KEYFILE", value).is_some());
        assert!(unknown("LIVESYNC_KEY_TCP_FILE", "1").is_some());
        let key = "0f".repeat(32);
        let error = unknown("LIVESYNC_KEY", &key).expect("an error");
        assert!(!error.contains(&key), "{error}");
    }

    #[test]
    fn names_that_are_not_for_us_are_passed_over() {
        for (name, value) in [
            ("LIVESYNC", "/usr/src/livesync"),
            ("livesync_key", "1"),
            ("LIVESYNC_TESTS_NO_SKIP", "1"),
            ("LIVESYNC_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("LIVESYNC_LIBRARY", "liblivesync.so"),
            ("LIVESYNC_SERVICE_HOST", "10.0.0.1"),
            ("LIVESYNC_SERVICE_PORT_HTTP", "80"),
            ("LIVESYNC_PORT", "tcp://10.0.0.1:80"),
            ("LIVESYNC_PORT_80_TCP_PROTO", "tcp"),
            ("LIVESYNC_SYNC_SERVICE_HOST", "10.0.0.1"),
            ("LIVESYNC_LOG", "debug"),
        ] {
            assert_eq!(unknown(name, value), None);
        }
    }
}
