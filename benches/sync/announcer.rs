//! The interface of both ways to announce: ours and the C module's.

use std::thread;

use livesync::{InfoHash, Peer};

/// Announces to the cluster, in one way or the other. Called through a trait object, as a
/// function of a library is: the compiler does not know which way it is.
pub trait Announcer: Sync {
    fn send_announce(&self, info_hash: &InfoHash, peer: &Peer);

    /// Waits until all announces have left.
    fn until_all_has_left(&self) {}
}

/// Announces `each` times from each of so many threads, as fast as they can.
pub fn flat_out(way: &dyn Announcer, announces: &[(InfoHash, Peer)], threads: usize, each: usize) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for (info_hash, peer) in announces.iter().cycle().take(each) {
                    way.send_announce(info_hash, peer);
                }
            });
        }
    });
}
