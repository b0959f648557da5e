//! The structs of opentracker, with the layout that C gives them.
#![allow(non_camel_case_types)]

use std::net::IpAddr;

use crate::types::{Peer, PeerFlags};

/// A SHA-1 info hash: 20 raw bytes.
pub type ot_hash = [u8; 20];

/// A peer as the tracker stores it. Bytes 0-3 are the address and 4-5 the port, both in network
/// byte order; byte 6 are the flags, and byte 7 the minutes since the last announce.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ot_peer {
    data: [u8; 8],
}

impl ot_peer {
    /// Converts an IPv4 peer; returns nothing for another one.
    pub(super) fn new(peer: &Peer) -> Option<Self> {
        let IpAddr::V4(ip) = peer.ip else {
            return None;
        };
        let [a, b, c, d] = ip.octets();
        let [high, low] = peer.port.to_be_bytes();
        Some(Self {
            data: [a, b, c, d, high, low, peer.flags.0, 0],
        })
    }
}

impl From<ot_peer> for Peer {
    fn from(peer: ot_peer) -> Self {
        let [a, b, c, d, high, low, flags, _minutes] = peer.data;
        Self {
            ip: IpAddr::from([a, b, c, d]),
            port: u16::from_be_bytes([high, low]),
            flags: PeerFlags(flags),
        }
    }
}

/// Seconds, with the width that the C library of the tracker gives them.
#[cfg(all(feature = "want_sync_scrape", not(target_env = "musl")))]
pub(super) use libc::time_t;
/// Seconds. The type of the libc crate has the width that musl had before version 1.2.
#[cfg(all(feature = "want_sync_scrape", target_env = "musl"))]
pub type time_t = i64;

#[cfg(feature = "want_sync_scrape")]
pub(super) use scrape::{ot_peerlist, ot_torrent, ot_vector};

#[cfg(feature = "want_sync_scrape")]
mod scrape {
    use std::ffi::c_void;
    use std::mem::offset_of;

    use super::{ot_hash, time_t};

    /// A growing array. That of a bucket contains torrents sorted by hash.
    #[repr(C)]
    pub struct ot_vector {
        pub data: *mut c_void,
        pub size: usize,
        pub space: usize,
    }

    #[repr(C)]
    pub struct ot_torrent {
        pub hash: ot_hash,
        pub peer_list: *mut ot_peerlist,
    }

    #[repr(C)]
    pub struct ot_peerlist {
        /// The time of the last announce, in minutes.
        pub base: time_t,
        pub seed_count: usize,
        pub peer_count: usize,
        pub down_count: usize,
        pub peers: ot_vector,
    }

    // The offsets are in machine words, because the tracker is built for 32 and for 64 bits.
    const _: () = {
        const WORD: usize = size_of::<usize>();
        assert!(size_of::<ot_vector>() == 3 * WORD);
        assert!(offset_of!(ot_vector, size) == WORD);
        assert!(offset_of!(ot_vector, space) == 2 * WORD);
        assert!(offset_of!(ot_torrent, peer_list) == size_of::<ot_hash>().next_multiple_of(WORD));
        assert!(size_of::<ot_torrent>() == offset_of!(ot_torrent, peer_list) + WORD);
        assert!(offset_of!(ot_peerlist, seed_count) == size_of::<time_t>());
        assert!(offset_of!(ot_peerlist, peer_count) == size_of::<time_t>() + WORD);
        assert!(offset_of!(ot_peerlist, down_count) == size_of::<time_t>() + 2 * WORD);
        assert!(offset_of!(ot_peerlist, peers) == size_of::<time_t>() + 3 * WORD);
        assert!(size_of::<ot_peerlist>() == size_of::<time_t>() + 6 * WORD);
    };
}
