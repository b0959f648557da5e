//! Three nodes under random load and random faults, for as long as LIVESYNC_SOAK_SECONDS says.
//! What they hold, in memory and descriptors, is flat; and all hear others in the end.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::program;
use crate::support::group::port;
use crate::support::netns::{self, Host, Network};
use crate::support::skip;

/// In a run of the whole suite.
const SECONDS: u64 = 60;

/// How much more a node may hold in the last third of its life than in the second one.
const MORE_BYTES: u64 = 1 << 20;

/// After the last fault: until all hear others again.
const PATIENCE: Duration = Duration::from_secs(20);

/// A shorter life is not judged: it takes some 20 seconds until everything has filled up.
const LEAST_LIFE: Duration = Duration::from_secs(SECONDS);

#[test]
fn what_nodes_hold_stays_flat_whatever_happens_to_them() {
    const TEST: &str = "faults::soak::what_nodes_hold_stays_flat_whatever_happens_to_them";
    if let Err(reason) = netns::loss_available() {
        return skip(TEST, &reason);
    }
    let seconds = setting("LIVESYNC_SOAK_SECONDS").unwrap_or(SECONDS);
    let seed = setting("LIVESYNC_SOAK_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.expect("a time after 1970").as_secs()
    });
    println!("LIVESYNC_SOAK_SEED={seed} LIVESYNC_SOAK_SECONDS={seconds}");

    let mut network = Network::new().expect("a network");
    let port = port();
    let hosts = ["one", "two", "three"].map(|name| network.add_host(name).expect("a host"));
    let mut random = fastrand::Rng::with_seed(seed);
    let start = |host| Node::start(host, port, random.fork());
    let mut nodes = hosts.each_ref().map(start);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let victim = random.usize(..hosts.len());
        let node = &mut nodes[victim];
        match random.u8(..30) {
            // The first one lives until the end.
            0 if victim > 0 => node.restart(),
            1 => node.pause(Duration::from_millis(random.u64(100..3000))),
            2..5 => node.lose(random.u8(..60)),
            _ => thread::sleep(Duration::from_millis(500)),
        }
        nodes.iter_mut().for_each(Node::sample);
    }
    nodes.iter_mut().for_each(|node| node.lose(0));
    // While all of them are there.
    nodes.iter().for_each(Node::hears_again);
    for node in &mut nodes {
        node.was_flat();
        node.end();
    }
}

fn setting(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value}")))
}

/// A process of c-tests/faults/soak.c.
struct Node<'a> {
    host: &'a Host,
    port: u16,
    random: fastrand::Rng,
    child: Child,
    began: Instant,
    heard: Arc<AtomicU64>,
    /// Its memory and its descriptors, from time to time.
    held: Vec<(u64, usize)>,
    faults: u32,
}

impl<'a> Node<'a> {
    fn start(host: &'a Host, port: u16, mut random: fastrand::Rng) -> Self {
        let mut child = host
            .command(program("soak", &["handles/common.c"]))
            .args([&host.address().to_string(), "10.77.0.0/24"])
            .args([u32::from(port), 0, random.u32(..1 << 31)].map(|number| number.to_string()))
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
            port,
            random,
            child,
            began: Instant::now(),
            heard,
            held: Vec::new(),
            faults: 0,
        }
    }

    /// Killed, and started.
    fn restart(&mut self) {
        self.was_flat();
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
        *self = Self::start(self.host, self.port, self.random.fork());
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

    /// So many percent of what arrives, from now on.
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

    /// The first third of a life is for everything to fill up.
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
            self.host.address(),
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
            assert!(Instant::now() < end, "{} is deaf", self.host.address());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// It closes its handle, and leaves with 0.
    fn end(&mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("wait").success());
    }
}
