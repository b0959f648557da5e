//! A way to tell, ours or the C module's.

use livesync::{InfoHash, Peer};

/// Tells announces to the others, in one way or the other. It is called as a function of
/// a library is: the compiler does not know which one it is.
pub trait Announcer: Sync {
    fn send_announce(&self, info_hash: &InfoHash, peer: &Peer);

    /// Waits until what was told is sent.
    fn until_all_has_left(&self) {}
}
