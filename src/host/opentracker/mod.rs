//! opentracker as a host, found by its link-time symbols.
//!
//! It supports the two generations that share the six prototypes of `ot_livesync.h`. Others need an
//! adapter.

mod layout;
mod shape;
mod symbols;
#[cfg(feature = "want_sync_scrape")]
mod torrents;

use std::ffi::{CString, c_char, c_int, c_void};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use self::symbols::{Symbols, need};
use super::Host;
#[cfg(feature = "want_sync_scrape")]
use super::Torrents;
use crate::address::in_16_bytes;
use crate::error::SetupError;
use crate::types::{InfoHash, Peer, TrackerId};

pub use self::layout::{ot_hash, ot_peer};

/// The permission that a source of sync packets needs.
const OT_PERMISSION_MAY_LIVESYNC: c_int = 0x4;
/// The flag of opentracker for an announce that came by multicast.
const FLAG_MCA: c_int = 2;

/// The tracker that this library is linked into.
#[derive(Clone, Copy)]
pub struct Opentracker {
    tracker: TrackerSymbols,
    #[cfg(feature = "want_sync_scrape")]
    torrents: Option<torrents::Buckets>,
    /// True if an address is 16 bytes long, as it is since 13 January 2009. `handle_udp6` appeared
    /// on the same day.
    wide_addresses: bool,
    /// The number of the event `EVENT_SYNC`. It was 5, and became 6 on 24 March 2009, a week after
    /// `load_state` appeared.
    event_sync: c_int,
}

/// The symbols of the tracker that sync needs.
#[derive(Clone, Copy)]
struct TrackerSymbols {
    accesslist_isblessed: unsafe extern "C" fn(*mut c_char, c_int) -> c_int,
    add_peer_to_torrent_and_return_peers:
        unsafe extern "C" fn(*mut ot_hash, *mut ot_peer, c_int, usize, *mut c_char) -> usize,
    remove_peer_from_torrent: shape::RemovePeer,
    stats_issue_event: unsafe extern "C" fn(c_int, c_int, usize),
    #[expect(dead_code, reason = "a tracker has it; used before there is a tracker")]
    exerr: unsafe extern "C" fn(*mut c_char),
    g_opentracker_running: *mut c_int,
    g_tracker_id: *mut u32,
}

// SAFETY: the tracker itself calls these functions from several threads. The variables are only
// accessed whole and volatile.
unsafe impl Send for Opentracker {}
// SAFETY: as above.
unsafe impl Sync for Opentracker {}

impl Opentracker {
    /// Finds the tracker that this library is linked into.
    ///
    /// # Errors
    /// [`SetupError::NoHost`] if the program does not define the symbols of a tracker, and
    /// [`SetupError::NeedsAdapter`] if it is an opentracker of another generation.
    pub fn find() -> Result<Self, SetupError> {
        let symbols = Symbols::look();
        // opentracker has renamed the function on 29 March 2024.
        if symbols.accesslist_isblessed.is_none() && symbols.accesslist_is_blessed.is_some() {
            return Err(SetupError::LATER_OPENTRACKER);
        }
        let tracker = need!(
            symbols,
            TrackerSymbols {
                accesslist_isblessed,
                add_peer_to_torrent_and_return_peers,
                remove_peer_from_torrent,
                stats_issue_event,
                exerr,
                g_opentracker_running,
                g_tracker_id,
            }
        );
        Ok(Self {
            tracker: tracker.map_err(|missing| SetupError::NoHost { missing })?,
            #[cfg(feature = "want_sync_scrape")]
            torrents: torrents::Buckets::find(symbols).ok(),
            wide_addresses: symbols.handle_udp6.is_some(),
            event_sync: if symbols.load_state.is_some() { 6 } else { 5 },
        })
    }

    /// Refuses a tracker that has the symbols of these generations, but other types.
    ///
    /// # Errors
    /// [`SetupError::NeedsAdapter`] if the tracker passes other types to `livesync_tell`.
    ///
    /// # Safety
    /// The caller is the thread of the tracker that calls `livesync_init`.
    pub unsafe fn check_types(&self) -> Result<(), SetupError> {
        // Trackers without 16-byte addresses have only one type of peer.
        if !self.wide_addresses || !self.is_running() {
            return Ok(());
        }
        // SAFETY: the tracker creates its locks before it calls livesync_init. The rest follows
        // from this function's contract.
        unsafe { shape::check(self.tracker.remove_peer_from_torrent) }
    }

    /// Returns whether a call of `livesync_tell` with this first argument answers
    /// [`check_types`](Self::check_types). If so, the second argument may be anything.
    #[inline]
    pub fn is_answer(first: *const c_void) -> bool {
        shape::is_answer(first)
    }

    /// Returns the symbols that scrape sync needs and the tracker lacks; usually none.
    #[cfg(feature = "want_sync_scrape")]
    pub fn missing_for_scrape() -> Vec<&'static str> {
        torrents::Buckets::find(Symbols::look())
            .err()
            .unwrap_or_default()
    }

    /// Returns the id that the tracker has drawn.
    pub fn tracker_id(&self) -> TrackerId {
        // SAFETY: the symbol is there, so it is the tracker's variable.
        TrackerId::from_host(unsafe { self.tracker.g_tracker_id.read_volatile() })
    }

    /// Reads the interface address that the tracker passes to `livesync_bind_mcast`.
    ///
    /// # Errors
    /// [`SetupError::Address`] if `ip` is NULL or the address is not IPv4.
    ///
    /// # Safety
    /// `ip` is NULL, or points at an address with as many bytes as this generation of the tracker
    /// has.
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
        unsafe { self.tracker.g_opentracker_running.read_volatile() != 0 }
    }

    fn is_allowed(&self, source: IpAddr) -> bool {
        let mut wide = in_16_bytes(source);
        let ip = match source {
            _ if self.wide_addresses => &mut wide[..],
            IpAddr::V4(_) => &mut wide[12..],
            // This tracker has no room for an IPv6 address, so it cannot allow one.
            IpAddr::V6(_) => return false,
        };
        let ask = self.tracker.accesslist_isblessed;
        // SAFETY: `ip` points at an address with as many bytes as this generation has.
        unsafe { ask(ip.as_mut_ptr().cast(), OT_PERMISSION_MAY_LIVESYNC) != 0 }
    }

    fn new_tracker_id(&self, id: TrackerId) {
        // SAFETY: the symbol is there, so it is the tracker's variable. Nothing else reads it while
        // sync runs, because the tracker draws it for livesync only.
        unsafe { self.tracker.g_tracker_id.write_volatile(id.to_host()) };
    }

    fn add_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        let Some(mut peer) = ot_peer::new(peer) else {
            return;
        };
        let mut hash = info_hash.0;
        let add = self.tracker.add_peer_to_torrent_and_return_peers;
        // SAFETY: both are copies that the tracker may write to. With amount 0 it writes no reply.
        unsafe { add(&mut hash, &mut peer, FLAG_MCA, 0, std::ptr::null_mut()) };
    }

    fn remove_peer(&self, info_hash: &InfoHash, peer: &Peer) {
        let Some(mut peer) = ot_peer::new(peer) else {
            return;
        };
        let mut hash = info_hash.0;
        let remove = self.tracker.remove_peer_from_torrent;
        // SAFETY: both are copies that the tracker may write to. With FLAG_MCA it writes no reply.
        unsafe { remove(&mut hash, &mut peer, std::ptr::null_mut(), FLAG_MCA) };
    }

    fn packet_applied(&self, records: usize) {
        // SAFETY: the arguments are passed by value. The classic tracker takes the number as a
        // uint32_t and later ones as a uintptr_t; both find it in the same register.
        unsafe { (self.tracker.stats_issue_event)(self.event_sync, 0, records) };
    }

    #[cfg(feature = "want_sync_scrape")]
    fn torrents(&self) -> Option<&dyn Torrents> {
        self.torrents
            .as_ref()
            .map(|buckets| buckets as &dyn Torrents)
    }
}

/// Ends the process with this message by the tracker's own function, as the tracker does on a bad
/// setup. Returns if the program has no such function.
pub fn exit_with_error(message: &str) {
    if let Some(exerr) = Symbols::look().exerr
        && let Ok(message) = CString::new(message)
    {
        // SAFETY: the tracker prints a C string. The string is never freed, because the process
        // ends.
        unsafe { exerr(message.into_raw()) };
    }
}
