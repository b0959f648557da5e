//! A message that the kernel has received, and that may contain several datagrams.

use std::net::SocketAddr;
use std::time::Duration;

/// The description of one received message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReceivedMessage {
    /// The length of all datagrams of the message together, in bytes.
    pub(super) len: usize,
    /// The source of the message, or none if that is no IP address.
    pub(super) source: Option<SocketAddr>,
    /// The length of each datagram but the last, which may be shorter, if there are several.
    pub(super) segment: Option<usize>,
    /// The time of arrival since 1970 by the real-time clock, if the kernel stamps messages.
    pub(super) stamp: Option<Duration>,
}
