//! What the kernel hands over at once.

use std::net::SocketAddr;
use std::time::Duration;

/// What has arrived as one message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arrival {
    pub(super) len: usize,
    /// None, if that is no IP address.
    pub(super) source: Option<SocketAddr>,
    /// How long its datagrams are, if there are several. The last one may be shorter.
    pub(super) segment: Option<usize>,
    /// When it arrived, by the clock on the wall, if the kernel says so.
    pub(super) stamp: Option<Duration>,
}
