//! What a tracker's `livesync_tell` is passed.
//!
//! Later generations of opentracker, and those built with `WANT_V6`, have the same symbols
//! and other types, so only a call can show the difference. A client's goodbye to a torrent
//! that nobody has changes nothing in any tracker, which tells us of it: either with the
//! goodbye's info_hash and peer, or, because it took the second argument for one, with a
//! `struct ot_workstruct`. In a peer it sets the flag STOPPED, at the place of the flags.

use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use super::layout::{ot_hash, ot_peer};
use crate::error::SetupError;
use crate::types::PeerFlags;

/// The tracker's function that takes goodbyes, by its type in the generations that we know.
pub(super) type RemovePeer =
    unsafe extern "C" fn(*mut ot_hash, *mut ot_peer, *mut c_char, c_int) -> usize;

/// "This announce came by UDP": the reply is 20 binary bytes.
const FLAG_UDP: c_int = 1;

/// No torrent has this info_hash.
const NO_TORRENT: ot_hash = *b"livesync: no torrent";

/// Where the flags of a peer lie behind an address of 4 or 16 bytes.
const FLAGS_AT: usize = 6;
const WIDE_FLAGS_AT: usize = 18;

/// What the tracker is called with.
#[repr(C, align(8))]
struct Goodbye {
    /// Begins with the peer. Taken for a workstruct, whose layout depends on how the tracker
    /// is built, it has the address of `info_hash` wherever that may be looked for.
    peer: [*mut ot_hash; 64],
    /// Keeps `info_hash` off a multiple of eight: a workstruct generation takes the low half
    /// of its address for the protocol, which then is none.
    _odd: u32,
    info_hash: ot_hash,
    reply: [u32; 128],
}

/// Two pointers and a peer of 8 bytes lie before the address of the info_hash in the shortest
/// workstruct.
const FIRST_PLACE: usize = 2 + 8 / size_of::<usize>();

/// The goodbye that the tracker is being called with.
static UNDER_WAY: AtomicPtr<Goodbye> = AtomicPtr::new(ptr::null_mut());

/// How the tracker told us of it.
static TOLD: AtomicU8 = AtomicU8::new(NOTHING);
const NOTHING: u8 = 0;
const HASH_AND_PEER: u8 = 1;
const HASH_AND_WIDE_PEER: u8 = 2;
const WORKSTRUCT: u8 = 3;

/// Refuses a tracker whose tells we would misread.
///
/// # Safety
/// `remove_peer` is the function of an opentracker of 13 January 2009 or later, whose
/// locks are ready, and no other thread is in here.
pub(super) unsafe fn check(remove_peer: RemovePeer) -> Result<(), SetupError> {
    let mut goodbye = Goodbye {
        peer: [ptr::null_mut(); 64],
        _odd: 0,
        info_hash: NO_TORRENT,
        reply: [0; 128],
    };
    let info_hash = &raw mut goodbye.info_hash;
    goodbye.peer[FIRST_PLACE..].fill(info_hash);
    // SAFETY: as this function's contract says.
    match unsafe { call(remove_peer, &mut goodbye) } {
        WORKSTRUCT => return Err(SetupError::LATER_OPENTRACKER),
        NOTHING => return Ok(()),
        _ => {}
    }
    // It takes a peer. Where its flags lie is seen when all its bytes are 0.
    goodbye.info_hash = NO_TORRENT;
    goodbye.peer.fill(ptr::null_mut());
    // SAFETY: as this function's contract says.
    match unsafe { call(remove_peer, &mut goodbye) } {
        HASH_AND_WIDE_PEER => Err(SetupError::OPENTRACKER_WITH_V6),
        _ => Ok(()),
    }
}

/// Has the tracker take the goodbye; how it told us of it.
///
/// # Safety
/// As for [`check`].
unsafe fn call(remove_peer: RemovePeer, goodbye: &mut Goodbye) -> u8 {
    let goodbye = ptr::from_mut(goodbye);
    TOLD.store(NOTHING, Ordering::Relaxed);
    UNDER_WAY.store(goodbye, Ordering::Relaxed);
    // SAFETY: whatever the tracker takes the arguments for, it finds a peer or a workstruct
    // within `peer`, and room for a reply by UDP.
    unsafe {
        let info_hash = &raw mut (*goodbye).info_hash;
        let reply = (&raw mut (*goodbye).reply).cast();
        remove_peer(info_hash, goodbye.cast(), reply, FLAG_UDP);
    }
    UNDER_WAY.store(ptr::null_mut(), Ordering::Relaxed);
    TOLD.load(Ordering::Relaxed)
}

/// Whether a tell with this first argument is the answer to the goodbye of [`check`]. To be
/// asked before the second argument is read, which a workstruct generation does not pass.
#[inline]
pub(super) fn is_answer(first: *const c_void) -> bool {
    let goodbye = UNDER_WAY.load(Ordering::Relaxed);
    !goodbye.is_null() && take_answer(goodbye, first.addr())
}

#[cold]
fn take_answer(goodbye: *const Goodbye, first: usize) -> bool {
    let told = if first == goodbye.addr() + offset_of!(Goodbye, peer) {
        WORKSTRUCT
    } else if first == goodbye.addr() + offset_of!(Goodbye, info_hash) {
        let is_stopped_at = |place| {
            // SAFETY: whoever tells of it is in `call`, so it is there; the byte is set.
            let byte = unsafe { goodbye.cast::<u8>().add(place).read() };
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
    TOLD.store(told, Ordering::Relaxed);
    true
}
