//! All settings and their defaults.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::keys::{Keys, unless_key};
use crate::log::Level;

/// The port that the specification names.
pub const LIVESYNC_PORT: u16 = 9696;

/// Declares the settings, each with its default, and a method of its name that
/// changes it.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr,)+) => {
        /// What may be set. [`Config::default`] is what the specification says, or
        /// where it is silent what suits a busy tracker.
        ///
        /// Each setting is a field, and a method that returns the configuration with
        /// another value for it:
        ///
        /// ```
        /// use livesync::Config;
        ///
        /// let config = Config::on([192, 0, 2, 1])
        ///     .group([224, 0, 23, 5])
        ///     .allow(["192.0.2.0/24".parse()?]);
        /// assert_eq!(config.port, 9696);
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub struct Config {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl fmt::Debug for Config {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let shown = self.without_key();
                f.debug_struct("Config")
                    $(.field(stringify!($name), &shown.$name))+
                    .finish()
            }
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Config {
            $($(#[doc = $doc])+
            #[must_use]
            pub fn $name(mut self, $name: impl Into<$type>) -> Self {
                self.$name = $name.into();
                self
            })+
        }
    };
}

settings! {
    /// The address of the interface to sync on, IPv4. For 0.0.0.0 the kernel chooses one.
    interface: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    /// The multicast group, IPv4. The specification says 224.0.42.5; a cluster that
    /// runs the C module uses 224.0.23.5.
    group: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 42, 5)),
    /// The port of the group, not 0.
    port: u16 = LIVESYNC_PORT,
    /// Who may speak, besides those whom the host blesses: IPv4 and IPv6 networks. One of
    /// ::ffff:a.b.c.d is one of IPv4; ::/0 has no IPv4 address.
    allow: Vec<IpNet> = Vec::new(),
    /// The multicast ttl of what we send. With 0 it stays on this host, for which `loopback` must
    /// be true.
    ttl: u8 = 1,
    /// Whether other trackers on the same host hear us.
    loopback: bool = false,
    /// Whether to tell. Who does not tell is no member of the cluster, but hears it.
    speak: bool = true,
    /// Whether to hear. Who does not hear takes no part in scrape sync.
    listen: bool = true,
    /// How long the oldest record waits for its packet to fill up, an hour at most.
    flush_after: Duration = Duration::from_millis(100),
    /// Whether to hear of IPv6 peers, if the host takes them.
    ipv6: bool = true,
    /// Whether to take part in scrape sync, if the host can. Without the feature
    /// `want_sync_scrape` it makes no difference.
    scrape: bool = true,
    /// How long a tracker runs before its first beacon
    /// (`LIVESYNC_FIRST_BEACON_DELAY`), 365 days at most.
    first_beacon_delay: Duration = Duration::from_secs(1800),
    /// The time between two beacons (`LIVESYNC_BEACON_INTERVAL`), from 10 ms to 365 days.
    beacon_interval: Duration = Duration::from_secs(60),
    /// A tracker with R torrents is worth asking for them when we have less than
    /// this part of R, from 0 to 1.
    inquire_threshold: f64 = 0.75,
    /// How many scrape tell packets are sent in a tenth of a second at most. They are spread
    /// over it. From 1 to 10,000.
    scrape_tell_packets: u32 = 100,
    /// How many torrents that we know better than another tracker are remembered
    /// at most, to be told back. Each takes about 30 bytes. 16,777,216 at most.
    remembered_torrents: usize = 65_536,
    /// Whether to number what we send, to send again what others have lost, and to ask
    /// them for what we have lost.
    repair: bool = true,
    /// How many bytes of packets that were sent are kept for those who have lost them, for 10
    /// seconds at most; each takes 128 more than its own. What was heard is remembered in
    /// proportion where this is more than by default. From 65,536 to 268,435,456.
    repair_window: usize = 8 << 20,
    /// The keys of the cluster. Without any, whoever may speak is believed.
    keys: Option<Keys> = None,
    /// A file with the keys, in the place of `keys`: one or two lines of 64 hexadecimal
    /// digits. It belongs to this user, with the mode 0600 or less, or to root, with 0640 or
    /// less. It is read when the group is joined, and not again for a start after a stop.
    key_file: Option<PathBuf> = None,
    /// What becomes of packets that do not prove to come from the cluster, if it has a key.
    auth: Auth = Auth::Require,
    /// The name of the cluster, 1 to 255 bytes, none of them zero. It is part of the proof:
    /// clusters of the same key and different names do not believe each other.
    cluster: String = "livesync".to_owned(),
    /// With a key: how far the clocks of two trackers may be apart. What seems to be older
    /// or newer is dropped, for it may be a recorded packet that is sent once more. From
    /// 10 ms to an hour.
    max_skew: Duration = Duration::from_secs(30),
    /// Who speaks so long without hearing anybody is warned, once; zero: never. Otherwise from
    /// 10 ms to 365 days.
    isolated_after: Duration = Duration::from_secs(300),
    /// What is logged: this level and the more serious ones.
    log: Level = Level::Warn,
}

impl Config {
    /// The defaults, on the interface with this address.
    pub fn on(interface: impl Into<IpAddr>) -> Self {
        Self::default().interface(interface)
    }

    /// The same, as it may be logged: somebody may have given a key in the place of its file.
    fn without_key(&self) -> Self {
        let mut shown = self.clone();
        if let Some(path) = &mut shown.key_file {
            *path = unless_key(&path.to_string_lossy()).into();
        }
        shown
    }
}

/// What becomes of packets that do not prove to come from the cluster. They are counted in
/// any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// They are used: for the time in which a cluster that runs is given its first key.
    Accept,
    /// They are dropped.
    Require,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_key() {
        let key = "0f".repeat(32);
        let config = Config::default().key_file(Some(key.clone().into()));
        let debug = format!("{config:?}");
        assert!(
            !debug.contains(&key) && debug.contains("port: 9696"),
            "{debug}"
        );
    }
}
