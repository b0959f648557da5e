//! Random configurations.

use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use livesync::{Auth, Config, Keys};

/// The parts of a configuration that the protocol uses.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Setup {
    speak: bool,
    listen: bool,
    repair: bool,
    scrape: bool,
    ipv6: bool,
    keys: Held,
    accept: bool,
    allow: bool,
    flush_ms: u8,
    first_beacon_s: u8,
    beacon_interval_s: u8,
    scrape_tell_packets: u8,
    remembered: u8,
    window_kib: u8,
    max_skew_s: u8,
    isolated_s: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Held {
    None,
    First,
    Second,
    Both,
}

impl Setup {
    /// Returns the configuration. A node that does not listen speaks, as the C interface
    /// demands.
    pub fn config(self) -> Config {
        let seconds = |seconds: u8| Duration::from_secs(seconds.into());
        let mut config = Config::default()
            .speak(self.speak || !self.listen)
            .listen(self.listen)
            .repair(self.repair)
            .scrape(self.scrape)
            .ipv6(self.ipv6)
            .auth(if self.accept {
                Auth::Accept
            } else {
                Auth::Require
            })
            .flush_after(Duration::from_millis(self.flush_ms.into()))
            .first_beacon_delay(seconds(self.first_beacon_s))
            .beacon_interval(seconds(self.beacon_interval_s).max(Duration::from_millis(10)))
            .scrape_tell_packets(self.scrape_tell_packets.max(1))
            .remembered_torrents(usize::from(self.remembered))
            .repair_window(usize::from(self.window_kib.max(64)) << 10)
            .max_skew(seconds(self.max_skew_s.max(1)))
            .isolated_after(seconds(self.isolated_s));
        if self.allow {
            config.allow = vec!["10.0.0.0/30".parse().expect("a network")];
        }
        let keys = |number| Keys::new([number; 32]);
        config.keys = match self.keys {
            Held::None => None,
            Held::First => Some(keys(1)),
            Held::Second => Some(keys(2)),
            Held::Both => Some(keys(1).and([2; 32])),
        };
        config
    }
}
