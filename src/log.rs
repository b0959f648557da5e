//! The levels of the log.

use std::fmt;

/// The severity of a log line, and as a setting the least severity that is logged.
///
/// Every later version has exactly these levels, so that a program can map each of them to one
/// of its own log.
///
/// # Examples
/// ```
/// use livesync::log::Level;
///
/// assert!(Level::Error < Level::Warn);
/// assert_eq!(Level::Warn.to_string(), "warn");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is logged. This is a setting only; no log line has this level.
    Off,
    /// Sync does not work.
    Error,
    /// Sync works, but the operator should look into something.
    Warn,
    /// Something happened that is rare and normal, such as a start or a stop.
    Info,
    /// Something happened that is frequent and normal.
    Debug,
}

impl Level {
    /// Every level with its name in settings and log lines, in the order of their numbers.
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
