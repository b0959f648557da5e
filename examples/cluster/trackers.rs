//! The running C trackers.

use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::beacons::Beacons;
use crate::children::Children;
use crate::screen::say;

/// Trackers on this machine that sync with each other over the loopback interface.
pub struct Cluster {
    program: PathBuf,
    children: Children,
    beacons: Beacons,
    sync_port: u16,
    verbose: bool,
    trackers: Vec<SocketAddrV4>,
    sender: Sender<Line>,
    lines: Receiver<Line>,
}

/// A line that a tracker, counted from 0, printed; `None` at its end.
type Line = (usize, Option<String>);

const START_LIMIT: Duration = Duration::from_secs(5);

impl Cluster {
    /// Makes a cluster without trackers. If `verbose` is set, they log each change of a peer.
    pub fn new(
        program: PathBuf,
        children: Children,
        beacons: Beacons,
        verbose: bool,
    ) -> Result<Cluster, String> {
        let (sender, lines) = mpsc::channel();
        Ok(Cluster {
            program,
            children,
            beacons,
            // Each run has its own port, so that two runs at the same time do not meet.
            sync_port: free_port().map_err(|e| format!("no free UDP port: {e}"))?,
            verbose,
            trackers: Vec::new(),
            sender,
            lines,
        })
    }

    /// Starts one more tracker and waits until it serves.
    pub fn start_tracker(&mut self) -> Result<SocketAddrV4, String> {
        let index = self.trackers.len();
        let mut command = Command::new(&self.program);
        command
            .args(["-l", "127.0.0.1", "-p", "0", "-s", "127.0.0.1"])
            .args(["-S", &self.sync_port.to_string()])
            .args(self.verbose.then_some("-v"))
            // Without this setting, multicast does not reach trackers on the sender's own
            // machine.
            .env("LIVESYNC_LOOPBACK", "1")
            .envs(self.beacons.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let stdout = self
            .children
            .start(&mut command)
            .map_err(|e| format!("cannot start {}: {e}", self.program.display()))?;
        if let Some(stdout) = stdout {
            let sender = self.sender.clone();
            thread::spawn(move || forward(stdout, index, &sender));
        }
        let address = self.wait_until_serving(index)?;
        self.trackers.push(address);
        Ok(address)
    }

    /// Returns the addresses at which the trackers serve, in the order of their start.
    pub fn trackers(&self) -> &[SocketAddrV4] {
        &self.trackers
    }

    /// Returns the beacon settings of the trackers.
    pub fn beacons(&self) -> &Beacons {
        &self.beacons
    }

    /// Returns the UDP port of the sync group.
    pub fn sync_port(&self) -> u16 {
        self.sync_port
    }

    /// Prints the trackers' output from now on, until one of them ends.
    pub fn print_lines(&self) -> Result<(), String> {
        self.lines.try_iter().for_each(drop);
        for (index, line) in &self.lines {
            let Some(line) = line else {
                return Err(format!("tracker {} ended", index + 1));
            };
            say(&format!("{}: {line}", index + 1));
        }
        Ok(())
    }

    /// Ends all trackers; returns an error if one of them did not end as it should.
    pub fn stop(&self) -> Result<(), String> {
        let ends = self.children.stop();
        match ends.iter().position(|status| !status.success()) {
            Some(index) => Err(format!("tracker {} ended with {}", index + 1, ends[index])),
            None => Ok(()),
        }
    }

    fn wait_until_serving(&self, index: usize) -> Result<SocketAddrV4, String> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok((from, None)) => return Err(format!("tracker {} ended too early", from + 1)),
                Ok((from, Some(line))) if from == index => {
                    if let Some(address) = served_address(&line) {
                        return Ok(address);
                    }
                }
                Ok(_) => {}
                Err(_) => {
                    let seconds = START_LIMIT.as_secs();
                    return Err(format!(
                        "tracker {} did not say within {seconds} s where it serves",
                        index + 1
                    ));
                }
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.children.stop();
    }
}

/// Returns the announce URL for a BitTorrent client.
pub fn url(tracker: SocketAddrV4) -> String {
    format!("udp://{tracker}/announce")
}

/// Parses a line like "tracker: serving udp://127.0.0.1:6969, syncing on ...".
fn served_address(line: &str) -> Option<SocketAddrV4> {
    let (address, _) = line.split_once("serving udp://")?.1.split_once(',')?;
    address.parse().ok()
}

fn free_port() -> io::Result<u16> {
    let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0))?;
    Ok(socket.local_addr()?.port())
}

fn forward(stdout: ChildStdout, index: usize, sender: &Sender<Line>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // Without a receiver this program is about to end, and so is the tracker.
        let _ = sender.send((index, Some(line)));
    }
    let _ = sender.send((index, None));
}
