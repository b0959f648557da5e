//! The membership of the receiving socket in the multicast group, and its repair.
//!
//! The kernel keeps a membership in two places. The socket has it until the socket leaves the
//! group, and the interface has it until the interface vanishes. The kernel delivers a packet only
//! if both have it. After an interface was deleted and created anew, under the same number or
//! another, or has moved to another network namespace and back, only the socket has the membership.
//! Then the socket leaves the group and joins it again. A healthy membership is left alone, because
//! leaving the group, even for a moment, makes switches stop forwarding its packets.

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
    /// The address by which the kernel finds the interface.
    interface: Ipv4Addr,
    /// The kernel's number for the interface of the membership, or 0 while it is not known.
    index: AtomicU32,
    listing: Option<Listing>,
}

impl Membership {
    /// Joins the group on the interface with this address, or on one that the kernel chooses if the
    /// address is 0.0.0.0.
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

    /// Returns the address of the interface of the membership.
    pub(super) fn interface(&self) -> Ipv4Addr {
        self.interface
    }

    /// Returns the name of the interface of the membership, if it is known.
    pub(super) fn name(&self) -> Option<String> {
        let index = self.index.load(Ordering::Relaxed);
        let mut members = self.members().ok()?.into_iter();
        let ours = members.find(|member| member.index == index);
        ours.map(|member| member.name)
    }

    /// Joins again if the membership was lost, or if the address has moved to another interface.
    /// Returns whether that was the case.
    pub(super) fn join_again(&self, receiver: SockRef<'_>) -> io::Result<bool> {
        let group = self.group.ip();
        let join = || receiver.join_multicast_v4(group, &self.interface);
        match join() {
            // The socket has it.
            Err(e) if is_member(&e) && self.is_known() => return Ok(false),
            Err(e) if is_member(&e) => {}
            // The limit of memberships is reached, so the socket still has the old one.
            Err(e) if e.raw_os_error() == Some(libc::ENOBUFS) => {}
            Err(e) => {
                self.lacks_interface(&receiver);
                return Err(e);
            }
            Ok(()) => {}
        }
        // The socket still has the old membership, even if the interface is gone.
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

    /// Handles an address that no interface has. An interface that has lost only its address still
    /// has the membership. If it is not known which interface that is, the socket leaves the group
    /// now, while the kernel can still find the membership by the address.
    fn lacks_interface(&self, receiver: &SockRef<'_>) {
        if self.index.load(Ordering::Relaxed) == 0 {
            let _ = receiver.leave_multicast_v4(self.group.ip(), &self.interface);
        }
    }

    /// Returns false if the interface has evidently lost the membership.
    fn is_known(&self) -> bool {
        let index = self.index.load(Ordering::Relaxed);
        let is_missing = || {
            let members = self.members();
            members.is_ok_and(|members| members.iter().all(|member| member.index != index))
        };
        // The kernel returns the list in pieces, and a change in between may hide a line.
        index == 0 || !is_missing() || !is_missing()
    }

    /// Finds out on which interface the socket is a member, since the kernel does not say which one
    /// it has found by the address. It is the listed interface on which the socket cannot join once
    /// more.
    fn find(&self, receiver: &SockRef<'_>) {
        let is_ours = |member: &Interface| {
            let (group, index) = (self.group.ip(), index(member.index));
            match receiver.join_multicast_v4_n(group, &index) {
                Err(e) => is_member(&e),
                Ok(()) => {
                    // Another socket is a member there, so no switch notices.
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

/// Returns whether joining failed because the socket is a member already.
fn is_member(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

fn index(index: u32) -> InterfaceIndexOrAddress {
    InterfaceIndexOrAddress::Index(index)
}

/// Returns an address by which the interface that the kernel has chosen can be found again: the
/// source address of packets to the group. If that address is on another interface, it returns
/// 0.0.0.0, and the kernel chooses each time.
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
