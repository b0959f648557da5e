//! A program that runs beside a test and reports its progress by lines on its standard output.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// A running program, killed when dropped.
pub struct Process {
    child: Child,
    started: Instant,
    lines: Receiver<(Duration, String)>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let output = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The test may be over, but the program must not block on a full pipe.
                let _ = sender.send((started.elapsed(), line));
            }
        });
        Self {
            child,
            started,
            lines,
        }
    }

    /// Waits for a line that begins with `prefix`, and returns when it was printed, counted
    /// from the start of the program. Returns `None` if that does not happen within `limit` of
    /// the start. Lines before it are skipped.
    pub fn line(&self, prefix: &str, limit: Duration) -> Option<Duration> {
        loop {
            let left = limit.saturating_sub(self.started.elapsed());
            let (at, line) = self.lines.recv_timeout(left).ok()?;
            println!("[{}] {:.3} s: {line}", self.child.id(), at.as_secs_f64());
            if line.starts_with(prefix) {
                return (at <= limit).then_some(at);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
