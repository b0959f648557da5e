//! Building and starting the C trackers of examples/tracker.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::children::Children;
use crate::table::say;

/// Trackers on this machine that sync with each other over the loopback interface.
pub struct Cluster {
    program: PathBuf,
    children: Children,
    sync_port: u16,
    verbose: bool,
    trackers: Vec<SocketAddrV4>,
    sender: Sender<Line>,
    lines: Receiver<Line>,
}

/// What a tracker, counted from 0, printed; None at its end.
type Line = (usize, Option<String>);

/// What a C program links besides liblivesync.a.
const LIBRARIES: [&str; 7] = [
    "-lgcc_s",
    "-lutil",
    "-lrt",
    "-lpthread",
    "-lm",
    "-ldl",
    "-lc",
];
const START_LIMIT: Duration = Duration::from_secs(5);

/// Compiles the tracker with the library of this very build; gives the program's path.
pub fn build(children: &Children) -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = root.join("examples/tracker");
    let target = target_dir().map_err(|e| format!("cannot find this program itself: {e}"))?;
    // Cargo refreshes the copy in deps/ for an example, the one above it only for the library.
    let library = target.join("../deps/liblivesync.a");
    if !library.exists() {
        return Err(format!(
            "{} is missing: start this program with `cargo run --release --example cluster`",
            library.display()
        ));
    }

    let cc = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut words = cc.split_whitespace();
    let unfinished = unfinished_program(&target);
    let status = children.run(
        Command::new(words.next().unwrap_or("cc"))
            .args(words)
            .args(["-O2", "-DWANT_SYNC_LIVE", "-DLIVESYNC_STANDALONE", "-I"])
            .arg(root.join("include"))
            .args(c_files(&source)?)
            .arg(library)
            .args(LIBRARIES)
            .arg("-o")
            .arg(&unfinished),
    );
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => {
            return Err(format!(
                "`{cc}` could not build {}: {status}",
                source.display()
            ));
        }
        Err(error) => {
            return Err(format!(
                "cannot run the C compiler `{cc}` ($CC names another): {error}"
            ));
        }
    }
    let program = target.join("cluster-tracker");
    fs::rename(&unfinished, &program).map_err(|e| format!("{}: {e}", program.display()))?;
    Ok(program)
}

/// Removes what an interrupted [`build`] leaves.
pub fn remove_unfinished() {
    if let Ok(target) = target_dir() {
        // Mostly there is nothing to remove.
        let _ = fs::remove_file(unfinished_program(&target));
    }
}

impl Cluster {
    /// A cluster without trackers yet. Verbose ones tell what happens to each peer.
    pub fn new(program: PathBuf, children: Children, verbose: bool) -> Result<Cluster, String> {
        let (sender, lines) = mpsc::channel();
        Ok(Cluster {
            program,
            children,
            // One of our own, so that two runs at the same time do not meet.
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
            // Otherwise the group's packets would leave out trackers on the sender's machine.
            .env("LIVESYNC_LOOPBACK", "1")
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

    /// Where the trackers serve, in the order of their start.
    pub fn trackers(&self) -> &[SocketAddrV4] {
        &self.trackers
    }

    /// The UDP port of the sync group.
    pub fn sync_port(&self) -> u16 {
        self.sync_port
    }

    /// Prints what the trackers say from now on, until one of them ends.
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

    /// Ends all trackers; an error when one of them did not end as it should.
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

/// Where cargo has put this program.
fn target_dir() -> io::Result<PathBuf> {
    let mut exe = env::current_exe()?;
    exe.pop();
    Ok(exe)
}

/// Where the compiler writes to. Not the program itself, which another run of this example may
/// be starting at the same time.
fn unfinished_program(target: &Path) -> PathBuf {
    target.join(format!("cluster-tracker.{}", process::id()))
}

fn c_files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries: io::Result<Vec<_>> = fs::read_dir(directory).and_then(Iterator::collect);
    let mut files: Vec<PathBuf> = entries
        .map_err(|e| format!("{}: {e}", directory.display()))?
        .iter()
        .map(fs::DirEntry::path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    files.sort();
    Ok(files)
}

/// From "tracker: serving udp://127.0.0.1:6969, syncing on ...".
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
        // Without a receiver we are about to end; then so is the tracker.
        let _ = sender.send((index, Some(line)));
    }
    let _ = sender.send((index, None));
}
