//! The extremes of every setting: each is refused by name, or nodes with it do in virtual time
//! what the setting promises, and a handle with it does not spin.

mod pair;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use livesync::log::Level;
use livesync::memory::Limits;
use livesync::{Auth, Config, Keys, Livesync, Memory, SetupError, TrackerId};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::pair::{Pair, announce};
use crate::support::group::port;

const LEAST: Duration = Duration::from_nanos(1);
const TENTH: Duration = Duration::from_millis(10);
const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

fn base() -> Config {
    Config::on(Ipv4Addr::LOCALHOST)
        .loopback(true)
        .allow([IpAddr::from(Ipv4Addr::LOCALHOST).into()])
}

fn keys() -> Keys {
    Keys::new([7; 32])
}

/// Returns each extreme with the name of its setting.
fn extremes() -> Vec<(&'static str, Config)> {
    let mut all = Vec::new();
    let mut add = |name, config| all.push((name, config));
    for time in [
        Duration::ZERO,
        LEAST,
        TENTH - LEAST,
        TENTH,
        HOUR,
        HOUR + LEAST,
        YEAR,
        YEAR + LEAST,
        // The last moment of the clock, and a moment beyond it.
        Duration::from_nanos(u64::MAX),
        Duration::MAX,
    ] {
        add("flush_after", base().flush_after(time));
        add("first_beacon_delay", base().first_beacon_delay(time));
        add("beacon_interval", base().beacon_interval(time));
        add("max_skew", base().keys(keys()).max_skew(time));
        add("isolated_after", base().isolated_after(time));
    }
    for packets in [0, 1, 10_000, 10_001, u32::MAX] {
        add("scrape_tell_packets", base().scrape_tell_packets(packets));
    }
    for torrents in [0, 1, 1 << 24, (1 << 24) + 1, usize::MAX] {
        add("remembered_torrents", base().remembered_torrents(torrents));
    }
    for window in [
        0,
        (64 << 10) - 1,
        64 << 10,
        256 << 20,
        (256 << 20) + 1,
        usize::MAX,
    ] {
        add("repair_window", base().repair_window(window));
    }
    for threshold in [
        f64::NEG_INFINITY,
        -f64::MIN_POSITIVE,
        -0.0,
        f64::MIN_POSITIVE,
        1.0,
        1.0 + f64::EPSILON,
        f64::INFINITY,
        f64::NAN,
    ] {
        add("inquire_threshold", base().inquire_threshold(threshold));
    }
    for (ttl, loopback) in [(0, false), (0, true), (255, false)] {
        add("ttl", base().ttl(ttl).loopback(loopback));
    }
    let whole: [IpAddr; 4] = [
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv4Addr::BROADCAST.into(),
        Ipv6Addr::UNSPECIFIED.into(),
        Ipv6Addr::from([0xff; 16]).into(),
    ];
    for ip in whole {
        add("interface", base().interface(ip));
        add("group", base().group(ip));
    }
    add("group", base().group([224, 0, 0, 0]));
    add("group", base().group([239, 255, 255, 255]));
    for port in [0u16, u16::MAX] {
        add("port", base().port(port));
    }
    for networks in [vec![], vec!["0.0.0.0/0", "::/0"], vec!["::1/128"; 10_000]] {
        let networks = networks.into_iter().map(|n| n.parse().expect("a network"));
        add("allow", base().allow(networks.collect::<Vec<_>>()));
    }
    for cluster in ["", "\0", &"x".repeat(255), &"x".repeat(256)] {
        add("cluster", base().keys(keys()).cluster(cluster));
    }
    for path in ["", "/nowhere/key", "/dev/zero", "/"] {
        add("key_file", base().key_file(Some(PathBuf::from(path))));
    }
    add("keys", base().keys(keys()));
    add("keys", base().keys(keys().and([8; 32])));
    for auth in [Auth::Accept, Auth::Require] {
        add("auth", base().keys(keys()).auth(auth));
        add("auth", base().auth(auth));
    }
    for level in [Level::Off, Level::Debug] {
        add("log", base().log(level));
    }
    for on in [false, true] {
        add("loopback", base().loopback(on));
        add("speak", base().speak(on));
        add("listen", base().listen(on));
        add("listen", base().listen(on).speak(on));
        add("ipv6", base().ipv6(on));
        add("scrape", base().scrape(on));
        add("repair", base().repair(on));
    }
    all
}

/// Returns the extremes that are not refused.
fn taken() -> impl Iterator<Item = (&'static str, Config)> {
    extremes()
        .into_iter()
        .filter(|(_, config)| config.validate().is_ok())
}

#[test]
fn every_setting_has_extremes() {
    let shown = format!("{:#?}", Config::default());
    let fields = shown.lines().filter_map(|line| {
        let field = line.strip_prefix("    ").filter(|l| !l.starts_with(' '))?;
        Some(field.split_once(':')?.0)
    });
    let fields: Vec<_> = fields.collect();
    assert!(fields.len() > 20, "{shown}");
    for field in fields {
        let mut known = extremes().into_iter();
        assert!(known.any(|(name, _)| name == field), "{field}");
    }
}

#[test]
fn what_is_refused_is_named() {
    let mut refused = 0;
    for (name, config) in extremes() {
        let Err(error) = config.validate() else {
            continue;
        };
        let named = match error {
            SetupError::Field { name, .. } => name,
            SetupError::NotMulticast(_) => "group",
            SetupError::NoPort => "port",
            other => panic!("{name}: {other}"),
        };
        assert_eq!(named, name, "{config:?}");
        refused += 1;
    }
    assert!(refused > 30, "{refused}");
}

#[test]
fn nodes_with_what_is_taken_do_what_it_says() {
    for (name, config) in taken() {
        Pair::new(&config).runs(name);
    }
}

#[test]
fn handles_with_what_is_taken_do_not_spin() {
    const TIME: Duration = Duration::from_millis(30);
    // A thread that spins would wake up thousands of times in this time.
    const MOST: usize = 300;
    for (name, config) in taken() {
        let config = match name {
            "port" => config,
            _ => config.port(port()),
        };
        let memory = Arc::new(Memory::new(Limits::default()));
        let livesync = match Livesync::open(config.clone(), memory) {
            Ok(livesync) => livesync,
            // Errors that only the system can find, at the interface or in the file.
            Err(SetupError::Socket { .. } | SetupError::KeyFile { .. }) => continue,
            Err(other) => panic!("{name}: {other}: {config:?}"),
        };
        livesync.start_polling(TrackerId([1; 4])).expect("start");
        let fd = livesync.fd().expect("a descriptor");
        if config.speak {
            let announce = announce(0);
            livesync
                .announce(announce.info_hash, announce.peer)
                .expect("an announce");
        }
        let (start, mut turns) = (Instant::now(), 0);
        while let Some(left) = TIME.checked_sub(start.elapsed()) {
            livesync.process().expect("it runs");
            let wait = livesync.next_timeout().expect("it runs").unwrap_or(left);
            let millis = wait.min(left).as_micros().div_ceil(1000) as u16;
            let mut ready = [PollFd::new(fd, PollFlags::POLLIN)];
            poll(&mut ready, PollTimeout::from(millis)).expect("a wait");
            turns += 1;
        }
        assert!(turns < MOST, "{name}: {turns} turns: {config:?}");
        livesync.close();
    }
}

/// Limits of a table, from nothing to more than there is.
#[test]
fn a_table_takes_every_limit() {
    for time in [Duration::ZERO, LEAST, YEAR, Duration::MAX] {
        for bytes in [0, 1, 4096, 1 << 20, 1_000_000_000_001, u64::MAX] {
            let limits = Limits::default().peer_lifetime(time).bytes(bytes);
            let memory = Memory::new(limits.torrent_lifetime(time));
            (0..1000).for_each(|number| memory.announce(&announce(number)));
            let usage = memory.usage();
            assert!(usage.bytes <= bytes, "{time:?} {bytes}: {usage:?}");
            let peers = memory.peers(&announce(999).info_hash, usize::MAX);
            let is_kept = time >= YEAR && bytes >= 4096;
            assert_eq!(peers.len(), usize::from(is_kept), "{time:?} {bytes}");
        }
    }
}
