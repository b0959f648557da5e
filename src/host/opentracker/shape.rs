//! A probe of the types that a tracker passes to `livesync_tell`.
//!
//! Later generations of opentracker, and those built with `WANT_V6`, have the same symbols but
//! other types, so only a call can show the difference. The probe makes the tracker remove a peer
//! from a torrent that does not exist, which changes nothing in any tracker. The tracker then calls
//! `livesync_tell`: either with the info hash and the peer, or with a `struct ot_workstruct`, if it
//! has taken the second argument for one. In a peer it sets the flag STOPPED, which shows where the
//! flags of its peers are.

use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use super::layout::{ot_hash, ot_peer};
use crate::error::SetupError;
use crate::types::PeerFlags;

/// The tracker's function that removes a peer, with its type in the supported generations.
pub(super) type RemovePeer =
    unsafe extern "C" fn(*mut ot_hash, *mut ot_peer, *mut c_char, c_int) -> usize;

/// The flag of opentracker for an announce that came by UDP. The reply is 20 binary bytes.
const FLAG_UDP: c_int = 1;

/// An info hash that no torrent has.
const NO_TORRENT: ot_hash = *b"livesync: no torrent";

/// The offset of the flags in a peer with an address of 4 bytes; below, with one of 16 bytes.
const FLAGS_AT: usize = 6;
const WIDE_FLAGS_AT: usize = 18;

/// The arguments of the probing call.
#[repr(C, align(8))]
struct Probe {
    /// The peer, and room behind it. The layout of a workstruct depends on how the tracker is
    /// built, so the address of `info_hash` is wherever such a tracker may look for it.
    peer: [*mut ot_hash; 64],
    /// Keeps `info_hash` off a multiple of eight. A workstruct generation takes the low half of
    /// its address for the protocol, and such a number is none.
    _odd: u32,
    info_hash: ot_hash,
    reply: [u32; 128],
}

/// The index of the address of the info hash in the shortest workstruct, behind two pointers and a
/// peer of 8 bytes.
const FIRST_PLACE: usize = 2 + 8 / size_of::<usize>();

/// The arguments of the probing call while it runs; null otherwise.
static RUNNING_PROBE: AtomicPtr<Probe> = AtomicPtr::new(ptr::null_mut());

/// The way in which the tracker has called `livesync_tell` during the probing call.
static ANSWER: AtomicU8 = AtomicU8::new(NOTHING);
const NOTHING: u8 = 0;
const HASH_AND_PEER: u8 = 1;
const HASH_AND_WIDE_PEER: u8 = 2;
const WORKSTRUCT: u8 = 3;

/// Refuses a tracker whose calls of `livesync_tell` this library would misread.
///
/// # Safety
/// `remove_peer` is the function of an opentracker of 13 January 2009 or later, whose
/// locks are ready, and no other thread calls this function.
pub(super) unsafe fn check(remove_peer: RemovePeer) -> Result<(), SetupError> {
    let mut probe = Probe {
        peer: [ptr::null_mut(); 64],
        _odd: 0,
        info_hash: NO_TORRENT,
        reply: [0; 128],
    };
    let info_hash = &raw mut probe.info_hash;
    probe.peer[FIRST_PLACE..].fill(info_hash);
    // SAFETY: as this function's contract says.
    match unsafe { call(remove_peer, &mut probe) } {
        WORKSTRUCT => return Err(SetupError::LATER_OPENTRACKER),
        NOTHING => return Ok(()),
        _ => {}
    }
    // It takes a peer. With all other bytes 0, the flag shows where the flags are.
    probe.info_hash = NO_TORRENT;
    probe.peer.fill(ptr::null_mut());
    // SAFETY: as this function's contract says.
    match unsafe { call(remove_peer, &mut probe) } {
        HASH_AND_WIDE_PEER => Err(SetupError::OPENTRACKER_WITH_V6),
        _ => Ok(()),
    }
}

/// Makes the probing call. Returns how the tracker has called `livesync_tell`.
///
/// # Safety
/// As for [`check`].
unsafe fn call(remove_peer: RemovePeer, probe: &mut Probe) -> u8 {
    let probe = ptr::from_mut(probe);
    ANSWER.store(NOTHING, Ordering::Relaxed);
    RUNNING_PROBE.store(probe, Ordering::Relaxed);
    // SAFETY: the tracker finds a peer or a workstruct within `peer`, whichever it expects, and
    // room for a reply by UDP.
    unsafe {
        let info_hash = &raw mut (*probe).info_hash;
        let reply = (&raw mut (*probe).reply).cast();
        remove_peer(info_hash, probe.cast(), reply, FLAG_UDP);
    }
    RUNNING_PROBE.store(ptr::null_mut(), Ordering::Relaxed);
    ANSWER.load(Ordering::Relaxed)
}

/// Returns whether a call of `livesync_tell` with this first argument answers the probe of
/// [`check`]. It must be called before the second argument is read, because a workstruct
/// generation does not pass one.
#[inline]
pub(super) fn is_answer(first: *const c_void) -> bool {
    let probe = RUNNING_PROBE.load(Ordering::Relaxed);
    !probe.is_null() && take_answer(probe, first.addr())
}

#[cold]
fn take_answer(probe: *const Probe, first: usize) -> bool {
    let answer = if first == probe.addr() + offset_of!(Probe, peer) {
        WORKSTRUCT
    } else if first == probe.addr() + offset_of!(Probe, info_hash) {
        let is_stopped_at = |place| {
            // SAFETY: the caller is within `call`, so the arguments are valid; the byte is set.
            let byte = unsafe { probe.cast::<u8>().add(place).read() };
            PeerFlags(byte).contains(PeerFlags::STOPPED)
        };
        if is_stopped_at(WIDE_FLAGS_AT) && !is_stopped_at(FLAGS_AT) {
            HASH_AND_WIDE_PEER
        } else {
            HASH_AND_PEER
        }
    } else {
        return false;
    };
    ANSWER.store(answer, Ordering::Relaxed);
    true
}
