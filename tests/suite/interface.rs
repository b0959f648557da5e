//! An interface that vanishes and comes back, as those of virtual machines, containers and
//! tunnels do.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use livesync::log::Level;
use livesync::{
    Config, Host as Tracker, InfoHash, Livesync, Peer, PeerFlags, SetupError, TrackerId,
};

use crate::support::netns::{self, Host, Network};
use crate::support::process::Process;
use crate::support::{cc, skip};

const PATIENCE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_group_is_joined_again_when_it_is_back() {
    const TEST: &str = "interface::the_group_is_joined_again_when_it_is_back";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let library = cc::built("liblivesync.a");
    let source = Path::new("c-tests/interface.c");
    let program = cc::link_statically("interface", &[source], &[], &library);
    let mut network = Network::new().expect("a network");
    let [stays, loses] = ["stays", "loses"].map(|name| network.add_host(name).expect("a host"));
    let run = |host: &Host, other: &Host| {
        let mut command = host.command(&program);
        let addresses = [host, other].map(|host| host.address().to_string());
        Process::start(command.args(addresses))
    };
    let (one, other) = (run(&stays, &loses), run(&loses, &stays));
    for node in [&one, &other] {
        assert!(node.line("heard", PATIENCE).is_some());
    }

    let gone = Duration::from_secs(1);
    network
        .remake_interface(&loses, gone)
        .expect("an interface");
    let back = other
        .line("log: the interface was gone and is back", PATIENCE)
        .expect("it joins again");
    println!("back {back:?} after the start");
    // They started at about the same time; earlier packets do not count.
    for node in [&one, &other] {
        while node.line("heard", PATIENCE).expect("it hears again") < back + SECOND {}
    }
    assert!(
        one.line("log:", Duration::ZERO).is_none(),
        "nothing happened to the one that stays"
    );
}

/// A tracker that keeps its log.
#[derive(Default)]
struct Listener {
    lines: Mutex<Vec<(Level, String)>>,
}

impl Tracker for Listener {
    fn add_peer(&self, _: &InfoHash, _: &Peer) {}

    fn remove_peer(&self, _: &InfoHash, _: &Peer) {}

    fn log(&self, level: Level, message: &str) {
        let mut lines = self.lines.lock().expect("lines");
        lines.push((level, message.to_owned()));
    }
}

fn config(host: &Host) -> Config {
    Config::on(host.address()).flush_after(Duration::ZERO)
}

/// A tracker on this host.
fn tracker(host: &Host, config: Config) -> Result<(Livesync, Arc<Listener>), SetupError> {
    let listener = Arc::new(Listener::default());
    let tracker = host.inside(|| Livesync::open(config, listener.clone()))?;
    tracker.start(TrackerId::random())?;
    Ok((tracker, listener))
}

fn announce(tracker: &Livesync, torrent: u8) {
    let peer = Peer {
        ip: [192, 0, 2, 1].into(),
        port: 6881,
        flags: PeerFlags::SEEDING,
    };
    let result = tracker.announce(InfoHash([torrent; 20]), peer);
    result.expect("it runs");
}

#[test]
fn a_tracker_that_starts_while_its_interface_is_down_syncs_when_it_is_up() {
    const TEST: &str =
        "interface::a_tracker_that_starts_while_its_interface_is_down_syncs_when_it_is_up";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut network = Network::new().expect("a network");
    let [early, other] = ["early", "other"].map(|name| network.add_host(name).expect("a host"));
    let set = |state| cc::run(early.command("ip").args(["link", "set", "eth0", state]));
    set("down");
    let hears =
        |host: &Host, other: &Host| config(host).allow([IpAddr::from(other.address()).into()]);
    let (waits, log) = tracker(&early, hears(&early, &other)).expect("no reason to end");
    let (other, _) = tracker(&other, hears(&other, &early)).expect("start");
    announce(&waits, 1);
    let lines = || log.lines.lock().expect("lines").clone();
    assert!(lines().iter().any(|(level, line)| {
        *level == Level::Warn && line.starts_with("no packet can leave until the interface is up")
    }));
    set("up");
    // It has kept the packets that it could not send, and sends and receives as before.
    let start = Instant::now();
    let knows = |tracker: &Livesync| {
        let stats = tracker.stats().expect("it runs");
        stats.nodes == 1 && stats.packets_missing == 0 && stats.counters.records_heard > 0
    };
    while !knows(&waits) || !knows(&other) {
        assert!(start.elapsed() < PATIENCE, "{:?}", lines());
        announce(&waits, 2);
        announce(&other, 3);
        thread::sleep(Duration::from_millis(10));
    }
    assert!(waits.stats().expect("it runs").counters.send_errors > 0);
}

#[test]
fn who_hears_nobody_is_told_of_a_strict_reverse_path_filter() {
    const TEST: &str = "interface::who_hears_nobody_is_told_of_a_strict_reverse_path_filter";
    if let Err(reason) = netns::available() {
        return skip(TEST, &reason);
    }
    let mut network = Network::new().expect("a network");
    let host = network.add_host("alone").expect("a host");
    for (value, is_strict) in [(0, false), (1, true), (2, false)] {
        let filter = format!("echo {value} > /proc/sys/net/ipv4/conf/eth0/rp_filter");
        cc::run(host.command("sh").args(["-c", &filter]));
        let config = config(&host).isolated_after(Duration::from_millis(20));
        let (alone, log) = tracker(&host, config).expect("start");
        let start = Instant::now();
        let line = loop {
            assert!(start.elapsed() < PATIENCE);
            announce(&alone, 1);
            thread::sleep(Duration::from_millis(5));
            let lines = log.lines.lock().expect("lines").clone();
            if let Some((_, line)) = lines
                .into_iter()
                .find(|line| line.1.contains("hears no other"))
            {
                break line;
            }
        };
        let hint = "On this host the reverse path filter of interface eth0 is strict";
        assert_eq!(line.contains(hint), is_strict, "{line}");
    }
}
