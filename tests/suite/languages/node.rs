//! A running node in any language.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A change of a peer that a node prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    Added,
    Removed,
}

/// A running program, killed when dropped.
pub struct Node {
    pub name: &'static str,
    pub peer_port: u16,
    child: Child,
    input: Option<ChildStdin>,
    seen: Arc<Mutex<HashSet<(Change, IpAddr, u16)>>>,
}

impl Node {
    pub fn start(name: &'static str, peer_port: u16, program: &mut Command) -> Self {
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{program:?}: {e}"));
        let output = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let seen = Arc::<Mutex<HashSet<_>>>::default();
        let sees = seen.clone();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let change = parse(&line).unwrap_or_else(|| panic!("{name} says {line:?}"));
                sees.lock().expect("nobody panics with it").insert(change);
            }
        });
        Self {
            name,
            peer_port,
            input: child.stdin.take(),
            child,
            seen,
        }
    }

    /// Waits until it has printed the change for both peers of another node.
    pub fn must_see(&self, change: Change, other: &Self, patience: Duration) {
        let peers = ["192.0.2.1", "2001:db8::1"]
            .map(|ip| (change, ip.parse().expect("an address"), other.peer_port));
        let start = Instant::now();
        loop {
            let seen = self.seen.lock().expect("the reader does not panic");
            if peers.iter().all(|peer| seen.contains(peer)) {
                return;
            }
            assert!(
                start.elapsed() < patience,
                "{} does not see {change:?} {} of {}",
                self.name,
                other.peer_port,
                other.name
            );
            drop(seen);
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends its standard input, which ends the node.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits for its end.
    pub fn end(&mut self, patience: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                return status;
            }
            assert!(start.elapsed() < patience, "{} does not end", self.name);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Parses `+ <info_hash> <ip> <port>`.
fn parse(line: &str) -> Option<(Change, IpAddr, u16)> {
    let words: Vec<&str> = line.split(' ').collect();
    let [sign, info_hash, ip, port] = words[..] else {
        return None;
    };
    let change = match sign {
        "+" => Change::Added,
        "-" => Change::Removed,
        _ => return None,
    };
    (info_hash == "ab".repeat(20)).then_some((change, ip.parse().ok()?, port.parse().ok()?))
}
