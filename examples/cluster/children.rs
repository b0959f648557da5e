//! Child processes that end when this program ends, even if it crashes or is killed.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{self, Child, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::interrupt;

/// All child processes, in the order of their start.
#[derive(Clone, Default)]
pub struct Children(Arc<Mutex<Vec<Child>>>);

/// Time between SIGTERM and SIGKILL for a child that does not end.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);

impl Children {
    /// Starts a child, and returns its standard output if the command pipes it.
    pub fn start(&self, command: &mut Command) -> io::Result<Option<ChildStdout>> {
        self.add(command).map(|(_, stdout)| stdout)
    }

    /// Starts a child and waits for its end.
    pub fn run(&self, command: &mut Command) -> io::Result<ExitStatus> {
        let (id, _) = self.add(command)?;
        loop {
            // The lock is not held while we sleep: Ctrl-C needs it.
            let mut children = self.lock();
            if let Some(child) = children.iter_mut().find(|child| child.id() == id)
                && let Some(status) = child.try_wait()?
            {
                children.retain(|child| child.id() != id);
                return Ok(status);
            }
            drop(children);
            thread::sleep(POLL);
        }
    }

    /// Ends all children and returns their exit statuses.
    pub fn stop(&self) -> Vec<ExitStatus> {
        stop(&mut self.lock())
    }

    /// Ends all children. While the guard lives, no other thread can start one.
    pub fn close(&self) -> MutexGuard<'_, Vec<Child>> {
        let mut children = self.lock();
        stop(&mut children);
        children
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Child>> {
        // The children must end no matter where a thread panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, command: &mut Command) -> io::Result<(u32, Option<ChildStdout>)> {
        let mut children = self.lock();
        let mut child = spawn(command)?;
        let added = (child.id(), child.stdout.take());
        children.push(child);
        Ok(added)
    }
}

fn stop(children: &mut Vec<Child>) -> Vec<ExitStatus> {
    for child in children.iter_mut() {
        signal(child, libc::SIGTERM);
    }
    let deadline = Instant::now() + PATIENCE;
    children
        .drain(..)
        .filter_map(|mut child| reap(&mut child, deadline).ok())
        .collect()
}

fn reap(child: &mut Child, deadline: Instant) -> io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            signal(child, libc::SIGKILL);
            return child.wait();
        }
        thread::sleep(POLL);
    }
}

/// Starts a child in a process group of its own. A terminal's Ctrl-C then reaches only this
/// program, and a compiler's helpers end together with it.
#[allow(unsafe_code)]
fn spawn(command: &mut Command) -> io::Result<Child> {
    let parent = process::id();
    let end_with_parent = move || {
        // SAFETY: prctl and getppid may be called between fork and exec, and
        // PR_SET_PDEATHSIG takes a signal number and touches no memory.
        let (result, ppid) = unsafe {
            (
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL),
                libc::getppid(),
            )
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        // The parent may have died before the child asked for the signal.
        if u32::try_from(ppid) != Ok(parent) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        interrupt::unblock()
    };
    command.process_group(0);
    // SAFETY: the closure calls only what is safe after a fork, allocates nothing and takes
    // no lock.
    unsafe { command.pre_exec(end_with_parent) };
    command.spawn()
}

/// Sends a signal to a child and its process group.
#[allow(unsafe_code)]
fn signal(child: &mut Child, signal: i32) {
    // The id of an ended child belongs to no other process until we have waited for it.
    if let (Ok(None), Ok(group)) = (child.try_wait(), i32::try_from(child.id())) {
        // SAFETY: kill takes two numbers; the group is our child's own, see `spawn`.
        unsafe { libc::kill(-group, signal) };
    }
}
