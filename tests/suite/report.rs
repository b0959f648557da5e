//! Tools to find out whether sync works: statistics, nodes, metrics, the self-test, and the
//! warning of isolation.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use livesync::log::Level;
use livesync::stats::Reject;
use livesync::{
    Auth, Config, Events, Host, InfoHash, Keys, Livesync, Memory, Peer, PeerFlags, TrackerId,
};

use crate::support::group::port;
use crate::support::netns::{self, Network};
use crate::support::{cc, skip};

const PATIENCE: Duration = Duration::from_secs(60);

/// The length of a packet with one announce, with its trailer, and of a heartbeat.
const PACKET: u64 = 8 + 28 + 27;
const HEARTBEAT: u64 = 16 + 27;

fn config(port: u16) -> Config {
    Config::on(Ipv4Addr::LOCALHOST)
        .port(port)
        .loopback(true)
        .allow([IpAddr::from(Ipv4Addr::LOCALHOST).into()])
}

fn announce(livesync: &Livesync) {
    let peer = Peer {
        ip: [192, 0, 2, 1].into(),
        port: 6881,
        flags: PeerFlags::SEEDING,
    };
    let torrent = InfoHash([0xab; 20]);
    livesync.announce(torrent, peer).expect("it runs");
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "never {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns a node that has received a packet of another, and its id.
fn node_beside_another() -> (Livesync, Livesync, TrackerId) {
    isolation(&config(port()))
}

fn isolation(config: &Config) -> (Livesync, Livesync, TrackerId) {
    let memory = Arc::new(Memory::new(livesync::memory::Limits::default()));
    let node = Livesync::open(config.clone(), memory).expect("open");
    let other = Livesync::open(config.clone(), Arc::new(Events::default())).expect("open");
    let id = TrackerId::random();
    node.start(TrackerId::random()).expect("start");
    other.start(id).expect("start");
    announce(&other);
    // An announce is counted a moment before the host gets it.
    wait_until("heard", || {
        let stats = node.stats().expect("it runs");
        stats.table.is_some_and(|table| table.peers == 1)
    });
    (node, other, id)
}

#[test]
fn statistics_and_nodes_say_what_happened() {
    let began = Instant::now();
    let (node, other, id) = node_beside_another();
    let stats = node.stats().expect("it runs");
    assert_eq!(stats.nodes, 1);
    // There are heartbeats, including our own, which come back.
    let heard = &stats.counters;
    assert_eq!(heard.bytes_in, PACKET + HEARTBEAT * (heard.packets_in - 1));
    let table = stats.table.expect("a table");
    assert_eq!((table.torrents, table.peers), (1, 1));
    let nodes = node.nodes();
    assert_eq!(nodes.len(), 1);
    assert_eq!((nodes[0].id, nodes[0].records), (id, 1));
    // Read a little later, when it may have received a little more.
    let own = heard.drops.of(Reject::OwnPacket);
    assert!((1..=heard.packets_in).contains(&(heard.packets_in - own)));
    assert!(nodes[0].packets >= heard.packets_in - own);
    // Both nodes have the same clock; a packet that waits in the socket seems late.
    let since_the_start = began.elapsed();
    assert!(u128::from(nodes[0].ahead_ms.unsigned_abs()) <= since_the_start.as_millis() + 1);
    assert!(nodes[0].lag <= since_the_start && !nodes[0].authenticated);
    assert_eq!(
        (nodes[0].missing, nodes[0].recovered, nodes[0].lost),
        (0, 0, 0)
    );
    assert_eq!(nodes[0].address.ip(), Ipv4Addr::LOCALHOST);
    assert!(nodes[0].ago <= since_the_start);
    let counters = other.stats().expect("it runs").counters;
    let heartbeats = counters.repair.heartbeats_sent;
    assert_eq!(
        (counters.records_announced, counters.packets_out),
        (1, 1 + heartbeats)
    );
    assert_eq!(counters.bytes_out, PACKET + HEARTBEAT * heartbeats);
    assert_eq!(counters.records_heard, 0);
    node.stop();
    let last = node.stats().expect("it has run");
    assert!(!last.running && node.nodes().is_empty());
    assert_eq!(last.counters.records_heard, 1, "what was counted is kept");
}

#[test]
fn metrics_are_what_prometheus_takes() {
    // A node without authentication has series of its own after a minute.
    let (node, _other, id) = isolation(&config(port()).keys(Keys::new([1; 32])));
    let metrics = node.metrics();
    for sample in [
        "livesync_up{".to_owned(),
        "livesync_records_heard_total{".to_owned(),
        "livesync_drops_total{".to_owned(),
        format!(",tracker_id=\"{id}\",address=\"127.0.0.1:"),
        "livesync_table_peers{".to_owned(),
        "livesync_packets_recovered_total{".to_owned(),
        "livesync_node_lag_seconds{".to_owned(),
    ] {
        let line = metrics.lines().find(|line| line.contains(&sample));
        assert!(line.is_some(), "{sample} is not in\n{metrics}");
    }
    node.stop();
    let stopped = node.metrics();
    let up = stopped
        .lines()
        .find(|line| line.starts_with("livesync_up{"));
    assert!(up.is_some_and(|up| up.ends_with(" 0")), "{stopped}");
    assert!(!stopped.contains("livesync_nodes{") && !stopped.contains("tracker_id"));
    for metrics in [metrics, stopped] {
        promtool("metrics_are_what_prometheus_takes", &metrics);
    }
}

/// Checks metrics with Prometheus' own tool, which also complains about bad style.
fn promtool(test: &str, metrics: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        return skip(&format!("report::{test}"), "promtool is not installed");
    };
    let mut input = promtool.stdin.take().expect("a piped stdin");
    input.write_all(metrics.as_bytes()).expect("promtool reads");
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}\n{metrics}");
    assert!(complaints.is_empty(), "{complaints}");
}

/// A host that keeps its log.
#[derive(Default)]
struct Listener {
    lines: Mutex<Vec<(Level, String)>>,
}

impl Host for Listener {
    fn add_peer(&self, _: &InfoHash, _: &Peer) {}

    fn remove_peer(&self, _: &InfoHash, _: &Peer) {}

    fn log(&self, level: Level, message: &str) {
        let mut lines = self.lines.lock().expect("nobody panics with it");
        lines.push((level, message.to_owned()));
    }
}

#[test]
fn who_speaks_to_nobody_is_told_so_once() {
    let listener = Arc::new(Listener::default());
    let config = config(port())
        .loopback(false)
        .flush_after(Duration::from_millis(1))
        .isolated_after(Duration::from_millis(50));
    let node = Livesync::open(config, listener.clone()).expect("open");
    node.start(TrackerId::random()).expect("start");
    // It has sent its first heartbeat.
    wait_until("logged", || {
        !listener.lines.lock().expect("lines").is_empty()
    });
    // Another announce would take the same time once more.
    let sent = || node.stats().expect("it runs").counters.records_announced;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(150) {
        let before = sent();
        announce(&node);
        wait_until("sent", || sent() > before);
    }
    let lines = listener.lines.lock().expect("lines");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].0, Level::Warn);
    assert!(lines[0].1.contains("hears no other"), "{lines:?}");
}

#[test]
fn who_hears_only_trackers_of_another_key_is_told_so() {
    let listener = Arc::new(Listener::default());
    let with_key = config(port())
        .flush_after(Duration::ZERO)
        .isolated_after(Duration::from_millis(300));
    let without = Livesync::open(with_key.clone(), Arc::new(Events::default())).expect("open");
    let with_key = with_key.keys(Keys::new([7; 32]));
    let node = Livesync::open(with_key, listener.clone()).expect("open");
    for (livesync, id) in [(&without, 1), (&node, 2)] {
        livesync.start(TrackerId([id; 4])).expect("start");
    }
    let warned = || {
        announce(&without);
        announce(&node);
        let lines = listener.lines.lock().expect("lines");
        lines.iter().any(|(_, line)| line.contains("this key"))
    };
    wait_until("warned", warned);
    assert!(
        node.stats()
            .expect("it runs")
            .counters
            .drops
            .without_proof()
            > 0
    );
}

#[test]
fn packets_without_proof_that_are_used_are_warned_of_once() {
    let port = port();
    let listener = Arc::new(Listener::default());
    let keyless = config(port).flush_after(Duration::ZERO);
    let accepts = keyless.clone().keys(Keys::new([7; 32])).auth(Auth::Accept);
    let keyless = Livesync::open(keyless, Arc::new(Events::default())).expect("open");
    let accepts = Livesync::open(accepts, listener.clone()).expect("open");
    for (livesync, id) in [(&accepts, 1), (&keyless, 2)] {
        livesync.start(TrackerId([id; 4])).expect("start");
    }
    for _ in 0..5 {
        announce(&keyless);
    }
    wait_until("used", || {
        accepts.stats().expect("it runs").counters.records_heard == 5
    });
    // A due line follows its cause.
    wait_until("warned of", || {
        let lines = listener.lines.lock().expect("lines");
        lines.iter().any(|(level, _)| *level == Level::Warn)
    });
    let lines = listener.lines.lock().expect("lines");
    let warnings = lines.iter().filter(|(level, _)| *level == Level::Warn);
    let warnings: Vec<_> = warnings.map(|(_, line)| line).collect();
    assert_eq!(warnings.len(), 1, "{lines:?}");
    assert!(warnings[0].contains("no key proves"), "{lines:?}");
}

#[test]
fn the_selftest_hears_itself_and_others() {
    let port = port();
    let other = Livesync::open(
        config(port).flush_after(Duration::ZERO),
        Arc::new(Events::default()),
    );
    let other = other.expect("open");
    let id = TrackerId::random();
    other.start(id).expect("start");
    std::thread::scope(|scope| {
        let found = scope.spawn(|| livesync::selftest(&config(port), Duration::from_secs(1)));
        while !found.is_finished() {
            announce(&other);
            std::thread::sleep(Duration::from_millis(50));
        }
        let found = found.join().expect("no panic").expect("sockets");
        assert!(found.echo.is_some() && found.send_error.is_none());
        assert_eq!(found.heard.len(), 1, "{found:?}");
        assert_eq!(found.heard[0].0, id);
    });
    assert!(other.nodes().is_empty(), "a self-test is no tracker");
    // It must not alarm an operator.
    let drops = other.stats().expect("it runs").counters.drops;
    let alarming = Reject::ALL
        .iter()
        .copied()
        .filter(|reject| reject.is_alarming());
    assert_eq!(
        alarming.map(|reject| drops.of(reject)).sum::<u64>(),
        0,
        "{drops:?}"
    );
}

#[test]
fn the_selftest_finds_a_firewall() {
    const TEST: &str = "report::the_selftest_finds_a_firewall";
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let library = cc::built("liblivesync.a");
    let source = Path::new("examples/c/selftest.c");
    let program = cc::link_statically("selftest", &[source], &[], &library);
    let mut network = Network::new().expect("a network");
    let host = network.add_host("alone").expect("a host");
    let interface = host.address().to_string();
    let test = || {
        let program = &mut host.command(&program);
        let output = program.args([&interface, "9696", "300"]).output();
        let output = output.expect("run it");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let (status, text) = test();
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("works on this host") && text.contains("no other tracker"),
        "{text}"
    );
    assert!(!text.contains("reverse path filter"), "{text}");
    let filter = "echo 1 > /proc/sys/net/ipv4/conf/eth0/rp_filter";
    cc::run(host.command("sh").args(["-c", filter]));
    let (status, text) = test();
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("the reverse path filter of interface eth0 is strict"),
        "{text}"
    );
    host.lose_incoming_udp(9696, 100).expect("a firewall");
    let (status, text) = test();
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("does not come back"), "{text}");
}
