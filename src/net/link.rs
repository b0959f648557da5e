//! A link: a way to other nodes, with sockets of its own.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use super::Inbox;
use crate::protocol::{LinkInfo, Transmit};

/// The sockets of one link. Nothing in it blocks.
pub(crate) trait Link: fmt::Debug + Send + Sync {
    /// Its address, and so its family, and how long its packets may be.
    fn info(&self) -> LinkInfo;

    /// What to wait on and to receive from; nothing, if we do not listen.
    fn receiver(&self) -> Option<BorrowedFd<'_>>;

    /// What to wait on when the network does not take a packet now; nothing, if we do not speak.
    fn sender(&self) -> Option<BorrowedFd<'_>>;

    /// Sends packets in their order, until the network does not take one: how many it took, and
    /// why not the next.
    fn send_batch(&self, packets: &[Transmit]) -> (usize, Option<io::Error>);

    /// Receives what has arrived, so many messages at most: how many. What the inbox had before is
    /// gone.
    fn receive(&self, inbox: &mut Inbox, at_most: usize) -> io::Result<usize> {
        match self.receiver() {
            Some(receiver) => inbox.receive(receiver, at_most),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Sees that we are still a member of what we have joined, and joins again if not; whether the
    /// membership was lost. A link that joins nothing loses none.
    fn check_membership(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Returns the reason why no packet can leave now, if it is known before one was sent.
    fn send_error(&self) -> Option<io::Error> {
        None
    }

    /// How many messages the kernel has dropped since the link was made because the receive
    /// buffer was full. Datagrams that came together count as one.
    fn receive_buffer_errors(&self) -> u64;

    /// A hint for the operator if the receive buffer is smaller than we want.
    fn buffer_hint(&self) -> Option<String> {
        None
    }

    /// A warning for the operator if the kernel has dropped packets: at the first look after
    /// that, and whenever their number has doubled.
    fn buffer_warning(&self) -> Option<String> {
        None
    }

    /// A hint for the operator of a node that hears nobody.
    fn filter_hint(&self) -> Option<&str> {
        None
    }

    /// In a child that never uses or drops this: closes its descriptors. The parent stays a
    /// member.
    fn close_inherited(&self);
}
