//! Checks that the built-in host stays within its memory limit, in bytes that the allocator
//! hands out. This is a program of its own, since it counts all of them.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use livesync::memory::Limits;
use livesync::{Announce, InfoHash, Memory, Peer, PeerFlags};

/// Size of an empty table, as [`Limits::bytes`] states it.
const TABLE_ITSELF: u64 = 4096;

/// Size of the header in front of an allocation.
const HEAD: usize = size_of::<usize>();

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator with a count.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of this function.
        let at = unsafe { System.alloc(layout) };
        // SAFETY: NULL, or a pointer of the system's allocator.
        TAKEN.fetch_add(unsafe { taken(at) }, Relaxed);
        at
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: a pointer of the system's allocator that is not freed yet.
        TAKEN.fetch_sub(unsafe { taken(at) }, Relaxed);
        // SAFETY: the caller keeps the contract of this function.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the bytes that an allocation takes, as rounded up by the allocator.
///
/// # Safety
///
/// `at` is NULL, or a pointer of the system's allocator that is not freed yet.
unsafe fn taken(at: *mut u8) -> usize {
    // SAFETY: the caller keeps the contract of this function.
    unsafe { libc::malloc_usable_size(at.cast()) + HEAD }
}

/// A memory host, and the bytes in use before it was made.
struct Measured {
    memory: Memory,
    limit: u64,
    before: usize,
}

impl Measured {
    fn new(limit: u64) -> Self {
        let before = TAKEN.load(Relaxed);
        Self {
            memory: Memory::new(Limits::default().bytes(limit)),
            limit,
            before,
        }
    }

    fn announce(&self, torrent: u64, peer: u64, flags: PeerFlags) {
        let mut info_hash = [0; 20];
        info_hash[..8].copy_from_slice(&torrent.to_be_bytes());
        let [.., a, b, c, d, e] = peer.to_be_bytes();
        let peer = Peer {
            ip: [10, a, b, c].into(),
            port: u16::from_be_bytes([d, e]),
            flags,
        };
        self.memory.announce(&Announce {
            info_hash: InfoHash(info_hash),
            peer,
        });
    }

    /// Compares the bytes in use with the host's own count, and returns them in percent of it.
    fn check(&self) -> u64 {
        let taken = (TAKEN.load(Relaxed) - self.before) as u64;
        let usage = self.memory.usage();
        assert!(usage.bytes <= self.limit, "{usage:?}");
        assert!(taken <= usage.bytes + TABLE_ITSELF, "{taken}: {usage:?}");
        taken * 100 / usage.bytes.max(1)
    }
}

/// This is a single test, since the bytes of others would be counted, too.
#[test]
fn what_is_announced_takes_no_more_than_the_limit() {
    // In order: a full node of the tree is split, and only its upper half grows further.
    let measured = Measured::new(16 << 20);
    for number in 0..150_000 {
        measured.announce(number, number, PeerFlags::SEEDING);
        if number % 1000 == 0 {
            measured.check();
        }
    }
    let usage = measured.memory.usage();
    assert_eq!(usage.peers + usage.torrents + usage.evicted, 300_000);
    measured.check();
    drop(measured);

    // In order; then one entry of each node leaves, which makes the nodes as empty as they may
    // be.
    let measured = Measured::new(16 << 20);
    for number in 0..50_000 {
        measured.announce(0, number, PeerFlags::SEEDING);
    }
    for number in (0..50_000).step_by(7) {
        measured.announce(0, number, PeerFlags::STOPPED);
    }
    assert_eq!(measured.memory.usage().peers, 42_857);
    assert!(
        measured.check() > 90,
        "what is counted is far from the truth"
    );
    drop(measured);

    // In random order for a long time; swarms of ten.
    let mut random = fastrand::Rng::with_seed(5);
    let measured = Measured::new(8 << 20);
    for number in 0..150_000 {
        let peer = random.u64(0..100_000);
        let stopped = random.u8(0..8) == 0;
        let flags = if stopped {
            PeerFlags::STOPPED
        } else {
            PeerFlags::SEEDING
        };
        measured.announce(peer / 10, peer, flags);
        if number % 1000 == 0 {
            measured.check();
        }
    }
    assert!(measured.memory.usage().evicted > 0);
    measured.check();
}
