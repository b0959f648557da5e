//! The configuration: every setting with its default and its documentation.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::keys::{Keys, unless_key};
use crate::log::Level;

/// The UDP port that the specification names.
pub const LIVESYNC_PORT: u16 = 9696;

/// Declares the settings: for each a field, a default, and a method of the same name that changes
/// it.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr,)+) => {
        /// The configuration of one node.
        ///
        /// [`Config::default`] holds the values of the specification, and where it names none,
        /// values that suit a busy tracker. Each setting is a field, and a method of the same name
        /// that returns the configuration with another value. [`Config::validate`] checks the
        /// values.
        ///
        /// # Examples
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
            $(#[doc = concat!(
                "Returns the configuration with another value of `", stringify!($name), "`."
            )]
            #[doc = ""]
            $(#[doc = $doc])+
            #[must_use]
            pub fn $name(mut self, $name: impl Into<$type>) -> Self {
                self.$name = $name.into();
                self
            })+
        }
    };
}

settings! {
    /// The IPv4 address of the interface to sync on. Default: 0.0.0.0, for which the kernel
    /// chooses an interface.
    interface: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    /// The IPv4 multicast group of the cluster. Default: 224.0.42.5, as the specification says; a
    /// cluster that runs the C module uses 224.0.23.5.
    group: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 42, 5)),
    /// The UDP port of the group, which all nodes of a cluster share. Default: 9696. Minimum: 1.
    port: u16 = LIVESYNC_PORT,
    /// The IPv4 and IPv6 networks whose addresses are allowed to send to this node, besides
    /// those that [`Host::is_allowed`](crate::Host::is_allowed) allows. A network within
    /// `::ffff:0:0/96` is one of IPv4; `::/0` contains no IPv4 address. Default: none.
    allow: Vec<IpNet> = Vec::new(),
    /// The multicast TTL of sent packets. With 0 they stay on this host, and `loopback` must be
    /// true. Default: 1.
    ttl: u8 = 1,
    /// Lets other trackers on the same host receive the packets of this node. Default: false.
    loopback: bool = false,
    /// Lets this node send. Default: true. A node that does not send is invisible to the cluster,
    /// but receives what the others send.
    speak: bool = true,
    /// Lets this node receive. Default: true. A node that does not receive takes no part in scrape
    /// sync. One of `speak` and `listen` must be true.
    listen: bool = true,
    /// The longest time that an announce waits for its packet to fill up. Default: 100 ms.
    /// Maximum: an hour.
    flush_after: Duration = Duration::from_millis(100),
    /// Lets the host receive IPv6 peers, if it [takes them](crate::Host::takes_ipv6). Default:
    /// true.
    ipv6: bool = true,
    /// Lets this node take part in scrape sync, if its host can. Default: true. Without the feature
    /// `want_sync_scrape` it has no effect.
    scrape: bool = true,
    /// The time that a node runs before it sends its first beacon (`LIVESYNC_FIRST_BEACON_DELAY`).
    /// Default: 30 minutes. Maximum: 365 days.
    first_beacon_delay: Duration = Duration::from_secs(1800),
    /// The time between two beacons (`LIVESYNC_BEACON_INTERVAL`). Default: 60 s. Minimum: 10 ms.
    /// Maximum: 365 days.
    beacon_interval: Duration = Duration::from_secs(60),
    /// This node asks a tracker for its torrents if it has fewer than this fraction of them.
    /// Default: 0.75. Minimum: 0. Maximum: 1.
    inquire_threshold: f64 = 0.75,
    /// The most scrape tell packets that are sent per tenth of a second, evenly spread over it.
    /// Default: 100. Minimum: 1. Maximum: 10,000.
    scrape_tell_packets: u32 = 100,
    /// How many torrents are remembered, at most, because this node has a larger count than another
    /// tracker sent, so that it can send them back. Each takes about 30 bytes. Default: 65,536.
    /// Maximum: 16,777,216.
    remembered_torrents: usize = 65_536,
    /// Lets this node take part in loss repair: it numbers the packets that it sends, retransmits
    /// what others have lost, and sends NAKs for what it has lost. Default: true.
    repair: bool = true,
    /// The most bytes of sent packets that are kept for retransmission, for 10 seconds at most.
    /// Each packet takes 128 bytes more than its own. Above the default, the state of received
    /// packets grows in proportion. Default: 8 MiB. Minimum: 65,536. Maximum: 268,435,456.
    repair_window: usize = 8 << 20,
    /// The keys of the cluster. Default: none; then packets of all allowed sources are used, and
    /// none is authenticated.
    keys: Option<Keys> = None,
    /// The path of a file with the keys, in the place of `keys`: one or two lines of 64
    /// hexadecimal digits. The file must belong to the user of this process and have mode 0600 or
    /// less, or belong to root and have mode 0640 or less. It is read when the node joins the
    /// group, and not again for a start after a stop. Default: none.
    key_file: Option<PathBuf> = None,
    /// The treatment of unauthenticated packets if the cluster has a key. Default:
    /// [`Auth::Require`].
    auth: Auth = Auth::Require,
    /// The name of the cluster, 1 to 255 bytes without a zero byte. Tags depend on it, so clusters
    /// with the same key and different names drop each other's packets. Default: "livesync".
    cluster: String = "livesync".to_owned(),
    /// The largest difference between the clocks of two nodes if the cluster has a key. Packets
    /// that seem older or newer are dropped, because an attacker may have recorded and resent
    /// them. Default: 30 s. Minimum: 10 ms. Maximum: an hour.
    max_skew: Duration = Duration::from_secs(30),
    /// The time that this node sends without hearing another one before it logs a warning, once.
    /// With zero it never warns. Default: 300 s. Minimum: 10 ms, or zero. Maximum: 365 days.
    isolated_after: Duration = Duration::from_secs(300),
    /// The least severity that is logged. Default: [`Level::Warn`].
    log: Level = Level::Warn,
}

impl Config {
    /// Returns the defaults on the interface with this address.
    pub fn on(interface: impl Into<IpAddr>) -> Self {
        Self::default().interface(interface)
    }

    /// Returns the configuration as a log may show it, without a key that was set in the place of
    /// the key file.
    fn without_key(&self) -> Self {
        let mut shown = self.clone();
        if let Some(path) = &mut shown.key_file {
            *path = unless_key(&path.to_string_lossy()).into();
        }
        shown
    }
}

/// The treatment of unauthenticated packets by a node with a key. It counts them in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// It uses them. This is for the time in which a running cluster is given its first key.
    Accept,
    /// It drops them.
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
