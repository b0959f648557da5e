//! A running example tracker, and its clients.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::bep15::{Announce, Client, Event, Scraped};
use crate::support::cc;
use crate::support::tracker_program::tracker;

pub const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
pub const OTHER_HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Time limit for events that must happen soon.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const HASH: [u8; 20] = *b"one particular swarm";

/// A running tracker that does not sync, on a free port of the loopback
/// interface; killed when dropped.
pub struct Tracker {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddrV4,
}

impl Tracker {
    pub fn start(arguments: &[&str]) -> Self {
        Self::run(&mut Command::new(tracker()), arguments)
    }

    pub fn run(program: &mut Command, arguments: &[&str]) -> Self {
        let mut child = program
            .args(["-l", "127.0.0.1", "-p", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{program:?}: {e}"));
        let mut tracker = Self {
            stdout: BufReader::new(child.stdout.take().expect("a piped stdout")),
            child,
            address: SocketAddrV4::new(LOCALHOST, 0),
        };
        let line = tracker.line();
        tracker.address = line
            .strip_prefix("tracker: serving udp://")
            .and_then(|rest| rest.strip_suffix(", not syncing"))
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("{line:?}"));
        tracker
    }

    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    pub fn client(&self, from: Ipv4Addr) -> Client {
        Client::connect(from, self.address).expect("connect")
    }

    /// Returns the next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Ends it by a signal.
    pub fn end(mut self, signal: &str) -> ExitStatus {
        // The shell's own kill, since there need not be a program of that name.
        let kill = format!("kill {signal} {}", self.child.id());
        cc::run(Command::new("sh").args(["-c", &kill]));
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("exit status") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "still running after {signal}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn leecher(port: u16) -> Announce {
    Announce {
        info_hash: HASH,
        peer_id: *b"-LS0001-abcdefghijkl",
        left: 1,
        event: Event::None,
        port,
        num_want: -1,
    }
}

pub fn seeder(port: u16) -> Announce {
    Announce {
        left: 0,
        ..leecher(port)
    }
}

pub fn counts(seeders: u32, completed: u32, leechers: u32) -> Scraped {
    Scraped {
        seeders,
        completed,
        leechers,
    }
}
