//! Our membership in the group: on which interface, and whether the kernel knows of it.
//!
//! The kernel keeps a membership in two places. The socket has it, and it counts there until
//! the socket drops it; and the interface has it, and it vanishes with that. A packet is
//! delivered if both have it. So after an interface was deleted and made anew, under another
//! number or the same, or was in another network namespace meanwhile, the socket alone has
//! it. Then it is dropped and joined again. A healthy one is left alone: to leave a group,
//! even for a moment, makes switches stop forwarding it.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{InterfaceIndexOrAddress, SockRef};

use super::listing::{Interface, Listing};
use super::sys::udp_socket;

/// The membership of one socket.
#[derive(Debug)]
pub(super) struct Membership {
    group: SocketAddrV4,
    /// By this address the kernel finds the interface.
    interface: Ipv4Addr,
    /// The kernel's number for the interface on which we are a member; 0 while it is not
    /// known.
    index: AtomicU32,
    listing: Option<Listing>,
}

impl Membership {
    /// Joins the group on the interface with this address, or one of the kernel's choice.
    pub(super) fn join(
        receiver: SockRef<'_>,
        group: SocketAddrV4,
        interface: Ipv4Addr,
    ) -> io::Result<Self> {
        receiver.join_multicast_v4(group.ip(), &interface)?;
        let interface = match interface.is_unspecified() {
            true => chosen(&receiver, group),
            false => interface,
        };
        let membership = Self {
            group,
            interface,
            index: 0.into(),
            listing: Listing::open(),
        };
        membership.find(&receiver);
        Ok(membership)
    }

    /// The address of the interface on which we are a member.
    pub(super) fn interface(&self) -> Ipv4Addr {
        self.interface
    }

    /// The name of the interface on which we are a member, if it is known.
    pub(super) fn name(&self) -> Option<String> {
        let index = self.index.load(Ordering::Relaxed);
        let mut members = self.members().ok()?.into_iter();
        let ours = members.find(|member| member.index == index);
        ours.map(|member| member.name)
    }

    /// Joins again, if the membership was lost or the address is on another interface now;
    /// whether it was so.
    pub(super) fn join_again(&self, receiver: SockRef<'_>) -> io::Result<bool> {
        let group = self.group.ip();
        let join = || receiver.join_multicast_v4(group, &self.interface);
        match join() {
            // The socket has it.
            Err(e) if is_member(&e) && self.is_known() => return Ok(false),
            Err(e) if is_member(&e) => {}
            // It has one too many, where no more than one is allowed.
            Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {}
            Err(e) => {
                self.lacks_interface(&receiver);
                return Err(e);
            }
            Ok(()) => {}
        }
        // The socket has it, whatever became of the interface.
        let before = self.index.swap(0, Ordering::Relaxed);
        if before != 0 {
            let _ = receiver.leave_multicast_v4_n(group, &index(before));
        }
        match join() {
            Err(e) if !is_member(&e) => return Err(e),
            _ => self.find(&receiver),
        }
        Ok(true)
    }

    /// No interface has the address. One that has lost only that still is a member. Where it
    /// is not known whether it is still there, the membership is dropped while it can be
    /// found by the address.
    fn lacks_interface(&self, receiver: &SockRef<'_>) {
        if self.index.load(Ordering::Relaxed) == 0 {
            let _ = receiver.leave_multicast_v4(self.group.ip(), &self.interface);
        }
    }

    /// Returns false if the interface has lost our membership, as far as that can be seen.
    fn is_known(&self) -> bool {
        let index = self.index.load(Ordering::Relaxed);
        let is_missing = || {
            let members = self.members();
            members.is_ok_and(|members| members.iter().all(|member| member.index != index))
        };
        // The list comes in pieces, and what changes meanwhile may push a line out of it.
        index == 0 || !is_missing() || !is_missing()
    }

    /// Remembers on which interface we are a member. The kernel does not say which it has
    /// found by the address. It is one of those that are listed, and the one on which we
    /// cannot join once more.
    fn find(&self, receiver: &SockRef<'_>) {
        let is_ours = |member: &Interface| {
            let (group, index) = (self.group.ip(), index(member.index));
            match receiver.join_multicast_v4_n(group, &index) {
                Err(e) => is_member(&e),
                Ok(()) => {
                    // Somebody else is a member there, so nobody notices.
                    let _ = receiver.leave_multicast_v4_n(group, &index);
                    false
                }
            }
        };
        let members = self.members().unwrap_or_default();
        let ours = members.iter().find(|member| is_ours(member));
        let index = ours.map_or(0, |member| member.index);
        self.index.store(index, Ordering::Relaxed);
    }

    fn members(&self) -> io::Result<Vec<Interface>> {
        match &self.listing {
            Some(listing) => listing.members(*self.group.ip()),
            None => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Returns true if joining failed because the socket is a member already.
fn is_member(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

fn index(index: u32) -> InterfaceIndexOrAddress {
    InterfaceIndexOrAddress::Index(index)
}

/// An address of the interface on which the kernel has chosen to join, by which it can be
/// found again: the one that packets to the group come from. If that is on another
/// interface, the choice stays the kernel's.
fn chosen(receiver: &SockRef<'_>, group: SocketAddrV4) -> Ipv4Addr {
    let source = || {
        let probe = udp_socket()?;
        probe.connect(&group.into())?;
        probe.local_addr()
    };
    let source = source().ok().and_then(|address| address.as_socket_ipv4());
    let Some(source) = source.map(|address| *address.ip()) else {
        return Ipv4Addr::UNSPECIFIED;
    };
    match receiver.join_multicast_v4(group.ip(), &source) {
        Err(e) if is_member(&e) => source,
        Err(_) => Ipv4Addr::UNSPECIFIED,
        Ok(()) => {
            let _ = receiver.leave_multicast_v4(group.ip(), &source);
            Ipv4Addr::UNSPECIFIED
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
#[path = "membership_tests.rs"]
mod tests;
