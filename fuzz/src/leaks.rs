//! Checks that a run leaves nothing behind.

use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::counting;

/// Number of runs after which everything exists that is made once and stays.
const WARM: usize = 100;

/// Memory that libFuzzer's own part may take meanwhile.
const TOLERANCE: usize = 1 << 20;

static RUNS: AtomicUsize = AtomicUsize::new(0);
static MEMORY: AtomicUsize = AtomicUsize::new(0);
static DESCRIPTOR: AtomicUsize = AtomicUsize::new(0);

/// Call this after each run: it checks that memory and descriptors are as they were. `socket`
/// may be any socket.
pub fn look(socket: &UdpSocket) {
    let memory = counting::taken();
    // A copy gets the lowest free number.
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
