//! opentracker as a host, found by link-time symbols.
//!
//! The references to the tracker's symbols are weak, so the library links into
//! any program; [`Opentracker::find`] says whether this one is a tracker. All of
//! them stand in this one file, and are looked at in one function: a reference
//! counts as weak only in the object file that the `.weak` directive is in.

use std::ffi::{CString, c_char, c_int};
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Host;
use crate::error::SetupError;
use crate::types::{InfoHash, Peer, PeerFlags, TrackerId};

/// 20 raw bytes.
#[allow(non_camel_case_types)]
pub type ot_hash = [u8; 20];

/// A peer as the tracker keeps it: 0-3 ip, 4-5 port, both in network byte order,
/// 6 flags, 7 minutes since the last announce.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ot_peer {
    data: [u8; 8],
}

/// The permission that a source of sync packets needs.
const OT_PERMISSION_MAY_LIVESYNC: c_int = 0x4;
/// "This announce came by multicast."
const FLAG_MCA: c_int = 2;

macro_rules! weak {
    ($(fn $function:ident($($argument:ty),*) $(-> $result:ty)?;)* $(static $data:ident: $type:ty;)*) => {
        $(std::arch::global_asm!(concat!(".weak ", stringify!($function)));)*
        $(std::arch::global_asm!(concat!(".weak ", stringify!($data)));)*

        unsafe extern "C" {
            $(fn $function($(_: $argument),*) $(-> $result)?;)*
            $(static mut $data: $type;)*
        }

        #[derive(Clone, Copy)]
        struct Symbols {
            $($function: Option<unsafe extern "C" fn($($argument),*) $(-> $result)?>,)*
            $($data: Option<*mut $type>,)*
        }

        impl Symbols {
            /// Looks at the addresses. The compiler takes it for granted that
            /// they are not null, so it must not see what is compared.
            #[inline(never)]
            fn look() -> Self {
                Self {
                    $($function: (!black_box($function as *const ()).is_null()).then_some($function),)*
                    $($data: Some(black_box(&raw mut $data)).filter(|data| !data.is_null()),)*
                }
            }
        }
    };
}

weak! {
    fn exerr(*mut c_char);
    fn accesslist_isblessed(*mut c_char, c_int) -> c_int;
    fn add_peer_to_torrent_and_return_peers(*mut ot_hash, *mut ot_peer, c_int, usize, *mut c_char) -> usize;
    fn remove_peer_from_torrent(*mut ot_hash, *mut ot_peer, *mut c_char, c_int) -> usize;
    fn stats_issue_event(c_int, c_int, usize);
    fn handle_udp6();
    fn load_state();
    static g_opentracker_running: c_int;
    static g_tracker_id: u32;
}

/// A tracker of one of the two generations that share the six prototypes of
/// `ot_livesync.h`.
#[derive(Clone, Copy)]
pub struct Opentracker {
    is_blessed: unsafe extern "C" fn(*mut c_char, c_int) -> c_int,
    add_peer: unsafe extern "C" fn(*mut ot_hash, *mut ot_peer, c_int, usize, *mut c_char) -> usize,
    remove_peer: unsafe extern "C" fn(*mut ot_hash, *mut ot_peer, *mut c_char, c_int) -> usize,
    issue_event: unsafe extern "C" fn(c_int, c_int, usize),
    running: *const c_int,
    tracker_id: *const u32,
    /// From 13 January 2009 on an address is 16 bytes long; `handle_udp6`
    /// appeared at the same time.
    wide_addresses: bool,
    /// It was 5, and became 6 on 24 March 2009, a week after `load_state`
    /// appeared.
    event_sync: c_int,
}

// SAFETY: the functions are the tracker's, which calls them from several threads
// itself; the two words are only read and written whole, and volatile.
unsafe impl Send for Opentracker {}
// SAFETY: as above.
unsafe impl Sync for Opentracker {}

impl Opentracker {
    /// The tracker that this library is linked into.
    pub fn find() -> Result<Self, SetupError> {
        let symbols = Symbols::look();
        let mut missing = Vec::new();
        macro_rules! need {
            ($name:ident) => {{
                if symbols.$name.is_none() {
                    missing.push(stringify!($name));
                }
                symbols.$name
            }};
        }
        let is_blessed = need!(accesslist_isblessed);
        let add_peer = need!(add_peer_to_torrent_and_return_peers);
        let remove_peer = need!(remove_peer_from_torrent);
        let issue_event = need!(stats_issue_event);
        let running = need!(g_opentracker_running);
        let tracker_id = need!(g_tracker_id);
        need!(exerr);
        match (
            is_blessed,
            add_peer,
            remove_peer,
            issue_event,
            running,
            tracker_id,
        ) {
            (
                Some(is_blessed),
                Some(add_peer),
                Some(remove_peer),
                Some(issue_event),
                Some(running),
                Some(tracker_id),
            ) if missing.is_empty() => Ok(Self {
                is_blessed,
                add_peer,
                remove_peer,
                issue_event,
                running,
                tracker_id,
                wide_addresses: symbols.handle_udp6.is_some(),
                event_sync: if symbols.load_state.is_some() { 6 } else { 5 },
            }),
            _ => Err(SetupError::NoHost { missing }),
        }
    }

    /// The id that the tracker has drawn.
    pub fn tracker_id(&self) -> TrackerId {
        // SAFETY: the symbol is there, so it is the tracker's variable.
        TrackerId::from_host(unsafe { self.tracker_id.read_volatile() })
    }

    /// The interface address that the tracker passes to `livesync_bind_mcast`.
    ///
    /// # Safety
    /// `ip` is either NULL or points at the bytes of an address, as many as this
    /// generation of the tracker has.
    pub unsafe fn interface(&self, ip: *const c_char) -> Result<Ipv4Addr, SetupError> {
        if ip.is_null() {
            return Err(SetupError::Address("it is NULL"));
        }
        if self.wide_addresses {
            // SAFETY: not NULL, so 16 bytes by this function's contract.
            let ip = Ipv6Addr::from(unsafe { ip.cast::<[u8; 16]>().read() });
            ip.to_ipv4_mapped()
                .ok_or(SetupError::Address("it is not an IPv4 address"))
        } else {
            // SAFETY: not NULL, so 4 bytes by this function's contract.
            Ok(Ipv4Addr::from(unsafe { ip.cast::<[u8; 4]>().read() }))
        }
    }
}

impl Host for Opentracker {
    fn is_running(&self) -> bool {
        // SAFETY: the symbol is there, so it is the tracker's variable, which a
        // signal handler clears.
        unsafe { self.running.read_volatile() != 0 }
    }

    fn is_blessed(&self, source: Ipv4Addr) -> bool {
        let mut narrow = source.octets();
        let mut wide = source.to_ipv6_mapped().octets();
        let ip = if self.wide_addresses {
            wide.as_mut_ptr()
        } else {
            narrow.as_mut_ptr()
        };
        // SAFETY: `ip` points at an address as long as this generation has them.
        unsafe { (self.is_blessed)(ip.cast(), OT_PERMISSION_MAY_LIVESYNC) != 0 }
    }

    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        let (mut hash, mut peer) = (info_hash.0, ot_peer::from(peer));
        // SAFETY: both are copies that the tracker may write to; with amount 0
        // it writes no reply.
        unsafe { (self.add_peer)(&mut hash, &mut peer, FLAG_MCA, 0, std::ptr::null_mut()) };
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        let (mut hash, mut peer) = (info_hash.0, ot_peer::from(peer));
        // SAFETY: both are copies that the tracker may write to; a peer removed
        // by FLAG_MCA gets no reply.
        unsafe { (self.remove_peer)(&mut hash, &mut peer, std::ptr::null_mut(), FLAG_MCA) };
    }

    fn packet_applied(&self, records: usize) {
        // SAFETY: a call by value. The classic tracker takes the number as a
        // uint32_t, later ones as uintptr_t; both find it in the same register.
        unsafe { (self.issue_event)(self.event_sync, 0, records) };
    }
}

impl From<&Peer> for ot_peer {
    fn from(peer: &Peer) -> Self {
        let [a, b, c, d] = peer.ip.octets();
        let [high, low] = peer.port.to_be_bytes();
        Self {
            data: [a, b, c, d, high, low, peer.flags.0, 0],
        }
    }
}

impl From<ot_peer> for Peer {
    fn from(peer: ot_peer) -> Self {
        let [a, b, c, d, high, low, flags, _minutes] = peer.data;
        Self {
            ip: Ipv4Addr::new(a, b, c, d),
            port: u16::from_be_bytes([high, low]),
            flags: PeerFlags(flags),
        }
    }
}

/// Ends the process the way the tracker ends it on a bad setup, if we are linked
/// into something that can.
pub fn exit_with_error(message: &str) {
    if let Some(exerr) = Symbols::look().exerr
        && let Ok(message) = CString::new(message)
    {
        // SAFETY: a string of C, which the tracker prints; it is never freed, as
        // the process ends.
        unsafe { exerr(message.into_raw()) };
    }
}
