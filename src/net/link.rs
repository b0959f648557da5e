//! A link: the sockets by which this node reaches other nodes in one way, such as multicast.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use super::Inbox;
use crate::protocol::{LinkInfo, Transmit};

/// The sockets of one link. No method blocks.
pub(crate) trait Link: fmt::Debug + Send + Sync {
    /// Returns the address of this node on the link, which implies its family, and how long packets
    /// may be.
    fn info(&self) -> LinkInfo;

    /// Returns the socket to receive from, or none if the configuration says not to listen.
    fn receiver(&self) -> Option<BorrowedFd<'_>>;

    /// Returns the socket to wait on when the network does not take a packet, or none if the
    /// configuration says not to speak.
    fn sender(&self) -> Option<BorrowedFd<'_>>;

    /// Sends packets in their order, until the network does not take one. Returns how many it took,
    /// and the error of the next one.
    fn send_batch(&self, packets: &[Transmit]) -> (usize, Option<io::Error>);

    /// Receives at most `at_most` messages into the inbox, whose previous content is discarded.
    /// Returns how many they were.
    ///
    /// # Errors
    /// `WouldBlock` if no message waits or the link does not receive, and any other error that
    /// persists.
    fn receive(&self, inbox: &mut Inbox, at_most: usize) -> io::Result<usize> {
        match self.receiver() {
            Some(receiver) => inbox.receive(receiver, at_most),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Checks that the kernel still knows the membership of this link, and joins again if not.
    /// Returns whether the membership was lost. A link without a membership loses none.
    ///
    /// # Errors
    /// The error of a system call, such as `ENODEV` while no interface has the address.
    fn check_membership(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Returns the reason why no packet can leave now, if it is known before one was sent.
    fn send_error(&self) -> Option<io::Error> {
        None
    }

    /// Returns how many messages the kernel has dropped since the link was opened because the
    /// receive buffer was full. A message may contain several datagrams.
    fn receive_buffer_errors(&self) -> u64;

    /// Returns a hint for the operator if the kernel grants a smaller receive buffer than the link
    /// has requested.
    fn buffer_hint(&self) -> Option<String> {
        None
    }

    /// Returns a warning for the operator if the kernel has dropped packets: at the first call
    /// after the first drop, and whenever their number has doubled.
    fn buffer_warning(&self) -> Option<String> {
        None
    }

    /// Returns a hint for the operator of an isolated node, if a setting of this host may be the
    /// reason.
    fn filter_hint(&self) -> Option<&str> {
        None
    }

    /// Closes the descriptors in a forked child, which never uses or drops this link afterwards.
    /// The membership of the parent stays.
    fn close_inherited(&self);
}
