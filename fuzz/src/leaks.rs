//! Whether a run has left something behind.

use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::counting;

/// What is made once and stays is there after so many runs.
const WARM: usize = 100;

/// What libFuzzer's own side of the target may take meanwhile.
const TOLERANCE: usize = 1 << 20;

static RUNS: AtomicUsize = AtomicUsize::new(0);
static MEMORY: AtomicUsize = AtomicUsize::new(0);
static DESCRIPTOR: AtomicUsize = AtomicUsize::new(0);

/// To be called behind each run: memory and descriptors are as they were. `socket` is any.
pub fn look(socket: &UdpSocket) {
    let memory = counting::taken();
    // A copy has the lowest number that is free.
    let copy = socket.try_clone().expect("a descriptor");
    let descriptor = copy.as_raw_fd() as usize;
    if RUNS.fetch_add(1, Relaxed) < WARM {
        MEMORY.store(memory, Relaxed);
        DESCRIPTOR.store(descriptor, Relaxed);
    } else {
        assert!(memory < MEMORY.load(Relaxed) + TOLERANCE, "memory leaks");
        assert_eq!(descriptor, DESCRIPTOR.load(Relaxed), "descriptors leak");
    }
}
