//! Beacon intervals for the demonstration: with the defaults the second act would take half an
//! hour.

use std::env;
use std::time::Duration;

/// The beacon settings of all trackers.
pub struct Beacons {
    first_delay: Setting,
    interval: Setting,
}

/// A number of seconds in the environment of the trackers.
struct Setting {
    name: &'static str,
    value: String,
    time: Duration,
}

/// Number of intervals in which a tracker has to learn the counts, counted from its first
/// beacon: at most one until it hears a beacon, two to hear all other trackers, and two more in
/// case its inquiry is lost.
const INTERVALS_TO_LEARN: u32 = 5;

impl Beacons {
    /// Reads the settings from the environment, and uses short times for those that are not
    /// set.
    pub fn from_environment() -> Result<Beacons, String> {
        Ok(Beacons {
            first_delay: Setting::read("LIVESYNC_FIRST_BEACON_DELAY", "1")?,
            interval: Setting::read("LIVESYNC_BEACON_INTERVAL", "0.5")?,
        })
    }

    /// Returns the environment variables for each tracker.
    pub fn environment(&self) -> [(&'static str, &str); 2] {
        [&self.first_delay, &self.interval].map(|setting| (setting.name, &setting.value[..]))
    }

    /// Returns how long a tracker that joins may take to learn, without the time of the scrape
    /// tell itself.
    pub fn time_to_learn(&self) -> Duration {
        let intervals = self.interval.time.saturating_mul(INTERVALS_TO_LEARN);
        self.first_delay.time.saturating_add(intervals)
    }

    /// Describes the settings for the screen.
    pub fn describe(&self) -> String {
        format!(
            "the first {} s after its start, then every {} s",
            self.first_delay.value, self.interval.value
        )
    }
}

impl Setting {
    fn read(name: &'static str, default: &str) -> Result<Setting, String> {
        let value = match env::var_os(name) {
            Some(value) => value.to_string_lossy().into_owned(),
            None => default.to_owned(),
        };
        let time = value.parse().ok().map(Duration::try_from_secs_f64);
        match time {
            Some(Ok(time)) => Ok(Setting { name, value, time }),
            _ => Err(format!("{name}={value} is not a number of seconds")),
        }
    }
}
