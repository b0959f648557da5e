//! Controls c-tests/host.c: a tracker that executes a test's commands and prints the library's
//! calls.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::cc;

/// Time limit for everything that is not measured.
const PATIENCE: Duration = Duration::from_secs(60);

/// The generations of the tracker that share the six prototypes: name, compiler flags,
/// EVENT_SYNC.
pub const GENERATIONS: [(&str, &[&str], u32); 3] = [
    ("host-4-bytes-event-5", &[], 5),
    ("host-16-bytes-event-5", &["-DWIDE"], 5),
    ("host-16-bytes-event-6", &["-DWIDE", "-DEVENT_6"], 6),
];

/// Returns the host of the first generation, the one of the specification.
pub fn program() -> PathBuf {
    program_of(GENERATIONS[0].0, GENERATIONS[0].1)
}

/// Returns the host with these flags; the first caller compiles it.
pub fn program_of(name: &str, flags: &[&str]) -> PathBuf {
    static COMPILED: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let mut compiled = COMPILED.lock().expect("no test panics while it compiles");
    compiled
        .get_or_insert_default()
        .entry(name.to_owned())
        .or_insert_with(|| {
            cc::link_statically(
                name,
                &[Path::new("c-tests/host.c")],
                flags,
                &cc::built("liblivesync.a"),
            )
        })
        .clone()
}

/// A running host, killed when dropped.
pub struct Host {
    child: Child,
    /// `None` once the host has been ended.
    commands: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Lines about calls that came before an expected answer.
    calls: Vec<String>,
}

impl Host {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let output = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let commands = child.stdin.take();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self {
            child,
            commands,
            lines,
            calls: Vec::new(),
        }
    }

    /// Starts a host of the specification's generation that syncs on the loopback interface.
    pub fn syncing(id: u32, port: u16) -> Self {
        let mut host = Self::start(&mut Command::new(program()));
        host.sync(id, port);
        host
    }

    /// Binds on the loopback interface, and starts.
    pub fn sync(&mut self, id: u32, port: u16) {
        self.run(&format!("bind 127.0.0.1 {port}"));
        self.run(&format!("id {id}"));
        self.run("init");
    }

    /// Runs a command to its end.
    pub fn run(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("a piped stdin");
        writeln!(commands, "{command}").expect("the host reads");
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line == "ok" => return,
                Ok(line) => self.calls.push(line),
                Err(e) => panic!("no answer to {command:?}: {e}"),
            }
        }
    }

    /// Returns the library's next call that begins with `prefix`, if it comes within `limit`.
    /// It skips the calls before it.
    pub fn call(&mut self, prefix: &str, limit: Duration) -> Option<String> {
        let start = Instant::now();
        loop {
            while !self.calls.is_empty() {
                let line = self.calls.remove(0);
                if line.starts_with(prefix) {
                    return Some(line);
                }
            }
            let left = limit.saturating_sub(start.elapsed());
            self.calls.push(self.lines.recv_timeout(left).ok()?);
        }
    }

    /// Returns the next call that begins with `prefix`; panics if it does not come.
    pub fn expect(&mut self, prefix: &str) -> String {
        self.call(prefix, PATIENCE)
            .unwrap_or_else(|| panic!("no {prefix:?}"))
    }

    /// Returns the id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the host by closing its standard input; returns its exit status.
    pub fn end(mut self) -> Option<i32> {
        drop(self.commands.take());
        self.child.wait().expect("wait").code()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
