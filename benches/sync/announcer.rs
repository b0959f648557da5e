//! The interface of both ways to announce: ours and the C module's.

use livesync::{InfoHash, Peer};

/// Announces to the cluster, in one way or the other. Called through a trait object, as a
/// function of a library is: the compiler does not know which way it is.
pub trait Announcer: Sync {
    fn send_announce(&self, info_hash: &InfoHash, peer: &Peer);

    /// Waits until all announces have left.
    fn until_all_has_left(&self) {}
}
