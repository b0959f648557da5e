//! Nodes of several kinds under random load and random faults, for LIVESYNC_TESTS_SOAK_SECONDS.
//! Their memory and their descriptors do not grow, and all nodes receive each other in the end.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::program;
use crate::support::group::port;
use crate::support::netns::{self, Host, Network};
use crate::support::{is_long, skip};

/// Length of a life that is judged, if tests may be long; and the length otherwise.
const SECONDS: u64 = 60;
const SHORT_SECONDS: u64 = 8;

/// Upper bound for the growth of a node's memory between the second and the last third of its
/// life. The repair window comes and goes with the load, some 5 MiB. Each node receives 15,000
/// announces a second, so a leak of six bytes for each of them would be noticed.
const MORE_BYTES: u64 = 4 << 20;

/// Time limit after the last fault until all nodes receive each other.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shorter life is not judged: it takes some 20 seconds until everything has filled up.
const LEAST_LIFE: Duration = Duration::from_secs(SECONDS);

/// See c-tests/faults/soak.c.
const KINDS: [&str; 6] = [
    "plain",
    "polled",
    "keyed",
    "ignoring",
    "cancelled",
    "forking",
];

#[test]
fn what_nodes_hold_stays_flat_whatever_happens_to_them() {
    const TEST: &str = "faults::soak::what_nodes_hold_stays_flat_whatever_happens_to_them";
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let seconds = setting("LIVESYNC_TESTS_SOAK_SECONDS").unwrap_or(if is_long() {
        SECONDS
    } else {
        SHORT_SECONDS
    });
    let seed = setting("LIVESYNC_TESTS_SOAK_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.expect("a time after 1970").as_secs()
    });
    println!("LIVESYNC_TESTS_SOAK_SEED={seed} LIVESYNC_TESTS_SOAK_SECONDS={seconds}");

    let mut network = Network::new().expect("a network");
    let port = port();
    let hosts = KINDS.map(|kind| (network.add_host(kind).expect("a host"), kind));
    let files = tempfile::tempdir().expect("a directory");
    let key = key_file(files.path());
    let mut random = fastrand::Rng::with_seed(seed);
    let start = |(host, kind)| Node::start(host, kind, &key, port, random.fork());
    let mut nodes: Vec<_> = hosts
        .iter()
        .map(|(host, kind)| (host, *kind))
        .map(start)
        .collect();
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let victim = random.usize(..hosts.len());
        let node = &mut nodes[victim];
        match random.u8(..30) {
            // The first node lives until the end.
            0 if victim > 0 => node.restart(),
            1 => node.pause(Duration::from_millis(random.u64(100..3000))),
            2..5 => node.lose(random.u8(..60)),
            _ => thread::sleep(Duration::from_millis(500)),
        }
        nodes.iter_mut().for_each(Node::sample);
    }
    nodes.iter_mut().for_each(|node| node.lose(0));
    // While all nodes run.
    nodes.iter().for_each(Node::hears_again);
    for node in &mut nodes {
        node.was_flat();
        node.end();
    }
}

fn key_file(directory: &Path) -> PathBuf {
    let file = directory.join("key");
    fs::write(&file, "5a".repeat(32)).expect("a key file");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("chmod");
    file
}

fn setting(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value}")))
}

/// A process of c-tests/faults/soak.c.
struct Node<'a> {
    host: &'a Host,
    kind: &'static str,
    key: &'a Path,
    port: u16,
    random: fastrand::Rng,
    child: Child,
    began: Instant,
    heard: Arc<AtomicU64>,
    /// Its memory and its descriptors, at several times.
    held: Vec<(u64, usize)>,
    faults: u32,
}

impl<'a> Node<'a> {
    fn start(
        host: &'a Host,
        kind: &'static str,
        key: &'a Path,
        port: u16,
        mut random: fastrand::Rng,
    ) -> Self {
        let mut child = host
            .command(program("soak", &["handles/common.c"]))
            .args([&host.address().to_string(), "10.77.0.0/24"])
            // With several arenas, malloc keeps an ended thread's memory for the next thread.
            .env("MALLOC_ARENA_MAX", "1")
            .args([u32::from(port), 0, random.u32(..1 << 31)].map(|number| number.to_string()))
            .args([OsStr::new(kind), key.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a node");
        let heard = Arc::new(AtomicU64::new(0));
        let (output, latest) = (child.stdout.take().expect("a pipe"), heard.clone());
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                match line.strip_prefix("heard ").map(str::parse) {
                    Some(Ok(heard)) => latest.store(heard, Ordering::Relaxed),
                    _ => println!("{line}"),
                }
            }
        });
        Self {
            host,
            kind,
            key,
            port,
            random,
            child,
            began: Instant::now(),
            heard,
            held: Vec::new(),
            faults: 0,
        }
    }

    /// Kills the process, and starts it.
    fn restart(&mut self) {
        self.was_flat();
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
        *self = Self::start(
            self.host,
            self.kind,
            self.key,
            self.port,
            self.random.fork(),
        );
    }

    fn pause(&mut self, time: Duration) {
        self.signal("STOP");
        thread::sleep(time);
        self.signal("CONT");
        self.faults += 1;
    }

    fn signal(&self, name: &str) {
        let mut kill = Command::new("sh");
        kill.args(["-c", &format!("kill -{name} {}", self.child.id())]);
        assert!(kill.status().expect("kill").success(), "{name}");
    }

    /// From now on it loses this percentage of incoming packets.
    fn lose(&mut self, percent: u8) {
        let rule = self.host.lose_incoming_udp(self.port, percent);
        rule.expect("a rule of the firewall");
        self.faults += 1;
    }

    fn sample(&mut self) {
        let process = format!("/proc/{}", self.child.id());
        let ended = self.child.try_wait().expect("wait");
        assert!(ended.is_none(), "{ended:?}");
        let statm = fs::read_to_string(format!("{process}/statm")).expect("statm");
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
        let bytes = pages.map(|pages: u64| pages * 4096).expect("a size");
        let descriptors = fs::read_dir(format!("{process}/fd")).expect("fd").count();
        self.held.push((bytes, descriptors));
    }

    /// Everything fills up in the first third of a life.
    fn was_flat(&self) {
        if self.began.elapsed() < LEAST_LIFE {
            return;
        }
        let third = self.held.len() / 3;
        let most = |held: &[(u64, usize)]| {
            let bytes = held.iter().map(|(bytes, _)| *bytes).max();
            let descriptors = held.iter().map(|(_, descriptors)| *descriptors).max();
            bytes.zip(descriptors).expect("a sample")
        };
        let before = most(&self.held[third..2 * third]);
        let after = most(&self.held[2 * third..]);
        println!(
            "{}: {} KiB and {} descriptors at most, then {} KiB and {}; {:?}, {} faults",
            self.kind,
            before.0 >> 10,
            before.1,
            after.0 >> 10,
            after.1,
            self.began.elapsed(),
            self.faults
        );
        assert!(after.0 <= before.0 + MORE_BYTES, "{:?}", self.held);
        assert!(after.1 <= before.1, "{:?}", self.held);
    }

    fn hears_again(&self) {
        let before = self.heard.load(Ordering::Relaxed);
        let end = Instant::now() + PATIENCE;
        while self.heard.load(Ordering::Relaxed) <= before {
            assert!(Instant::now() < end, "{} is deaf", self.kind);
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends it, and checks that it closes its handle and exits with 0.
    fn end(&mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("wait").success());
    }
}
