//! Five trackers, each the C program of examples/tracker on a host of its own.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::PATIENCE;
use super::books::Books;
use super::clients::{count_of, meet};
use crate::repair::segment::until;
use crate::support::netns::{self, Host, Network};
use crate::support::tracker_program::tracker;

/// The port of the group.
pub const SYNC_PORT: u16 = 9696;

/// The port for clients.
pub const TRACKER_PORT: u16 = 6969;

pub const TRACKERS: usize = 5;

/// Trackers on one segment, and their settings.
pub struct Cluster {
    pub trackers: Vec<Tracker>,
    pub hosts: Arc<Vec<Host>>,
    pub network: Network,
    /// The number of the next client that announces itself.
    pub next: Arc<AtomicU32>,
    /// Number of meetings so far.
    meetings: AtomicU8,
    allowed: Vec<Ipv4Addr>,
    environment: Vec<(Range<usize>, &'static str, OsString)>,
    pub files: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Cluster {
    /// Makes the hosts, on which nothing runs yet.
    pub fn new() -> Self {
        let alone = netns::alone();
        let mut network = Network::new().expect("a network");
        let hosts: Vec<_> = (1..=TRACKERS)
            .map(|number| network.add_host(&format!("tracker{number}")))
            .collect::<Result<_, _>>()
            .expect("hosts");
        Self {
            trackers: Vec::new(),
            allowed: hosts.iter().map(Host::address).collect(),
            hosts: Arc::new(hosts),
            network,
            next: Arc::default(),
            meetings: AtomicU8::new(0),
            environment: vec![(0..TRACKERS, "LIVESYNC_LOG", "info".into())],
            files: tempfile::tempdir().expect("a directory"),
            _alone: alone,
        }
    }

    /// Trackers that start from now on bless this address, too.
    pub fn bless(&mut self, address: Ipv4Addr) {
        self.allowed.push(address);
    }

    /// Sets a variable in the environment of a tracker that starts from now on.
    pub fn set(&mut self, tracker: usize, name: &'static str, value: impl Into<OsString>) {
        self.environment
            .push((tracker..tracker + 1, name, value.into()));
    }

    /// All trackers that start from now on have the same key.
    pub fn give_key(&mut self) {
        let file = self.files.path().join("key");
        fs::write(&file, "5a".repeat(32)).expect("a key file");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("chmod");
        self.environment
            .push((0..TRACKERS, "LIVESYNC_KEY_FILE", file.into()));
    }

    /// Starts all trackers, and waits until they know each other.
    pub fn start(&mut self) {
        let start = |number| Tracker::start(self.command(number));
        self.trackers = (0..TRACKERS).map(start).collect();
        self.meet();
    }

    /// A client announces itself to each running tracker, and all trackers get all these
    /// announces. So each tracker has received a packet of all others, and sends NAKs for
    /// missing packets from now on. If no packets are lost, it has got all their earlier
    /// announces.
    pub fn meet(&self) {
        let hosts = &self.hosts[..self.trackers.len()];
        let swarm = meet(hosts, self.meetings.fetch_add(1, Ordering::Relaxed));
        let all_have_met = || {
            let mut counts = hosts.iter().map(|host| count_of(host, swarm));
            counts.all(|count| count as usize == hosts.len())
        };
        assert!(until(PATIENCE, all_have_met).is_some(), "some never met");
    }

    /// Starts a tracker in the place of one that is gone.
    pub fn start_again(&mut self, number: usize) {
        self.trackers[number] = Tracker::start(self.command(number));
    }

    /// Ends the last tracker in an orderly way, while the others continue.
    pub fn end_last(&mut self) -> Books {
        self.trackers.pop().expect("a tracker").end()
    }

    /// Ends all trackers in an orderly way, and reads the counts that they log.
    pub fn end(&mut self) -> Vec<Books> {
        // Their last announces are still in flight.
        self.meet();
        self.trackers.drain(..).map(Tracker::end).collect()
    }

    fn command(&self, number: usize) -> Command {
        let host = &self.hosts[number];
        let mut command = host.command(tracker());
        command
            .args(["-p", &TRACKER_PORT.to_string()])
            .args(["-s", &host.address().to_string()])
            .args(["-S", &SYNC_PORT.to_string()]);
        for (trackers, name, value) in &self.environment {
            if trackers.contains(&number) {
                command.env(name, value);
            }
        }
        for address in &self.allowed {
            command.args(["-A", &address.to_string()]);
        }
        command
    }
}

/// A process, killed when dropped.
pub struct Tracker {
    child: Child,
    pub spawned: Instant,
    pub ready: Instant,
    log: Option<JoinHandle<String>>,
}

impl Tracker {
    /// Starts it, and waits until it serves.
    fn start(mut command: Command) -> Self {
        let spawned = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let mut error = child.stderr.take().expect("a pipe");
        let log = thread::spawn(move || {
            let mut log = String::new();
            error.read_to_string(&mut log).expect("text");
            log
        });
        let mut first = String::new();
        let output = child.stdout.as_mut().expect("a pipe");
        BufReader::new(output).read_line(&mut first).expect("text");
        let tracker = Self {
            child,
            spawned,
            ready: Instant::now(),
            log: Some(log),
        };
        assert!(first.starts_with("tracker: serving "), "{first}");
        tracker
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("kill");
    }

    /// Sends SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    fn end(mut self) -> Books {
        self.signal(Signal::SIGTERM);
        let status = self.child.wait().expect("wait");
        let log = self.log.take().expect("once").join().expect("a log");
        assert!(status.success(), "{status}: {log}");
        Books::read(&log)
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
