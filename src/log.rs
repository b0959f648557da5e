//! How serious a log line is.

use std::fmt;

/// The levels of the log, from silence to everything. There will be no others: a program has to say
/// what each of them is in its own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As a setting: nothing is logged.
    Off,
    /// Sync does not work.
    Error,
    /// Sync works, but an operator should look.
    Warn,
    /// What happens once in a while: start, stop.
    Info,
    /// What happens all the time.
    Debug,
}

impl Level {
    /// Every level, with the word for it in settings and log lines.
    pub(crate) const NAMES: [(Self, &'static str); 5] = [
        (Self::Off, "off"),
        (Self::Error, "error"),
        (Self::Warn, "warn"),
        (Self::Info, "info"),
        (Self::Debug, "debug"),
    ];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMES[*self as usize].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_the_levels() {
        for (level, name) in Level::NAMES {
            assert_eq!(level.to_string(), name);
        }
    }
}
