//! The table of a handle that has one.

use std::ffi::c_int;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_STATE, LIVESYNC_OK};
use super::handle::{livesync_t, with};
use super::out::{self, Array};
use super::stats::livesync_counts_t;
use crate::host::callbacks::livesync_peer_t;
use crate::types::InfoHash;

/// The peers of the swarm of `info_hash`, 20 bytes, in the table of a handle that was
/// opened with config.table = 1: at most `capacity` of them, those announced last first.
/// It holds those that were heard, and those announced to this handle. It takes time in
/// proportion to what it returns, however large the swarm is, with the table locked.
///
/// Returns how many were written to `out`, or a negative error; LIVESYNC_E_STATE if the
/// handle has no table.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `info_hash` is
/// either NULL, or valid for reading 20 bytes; `out` is either NULL, or valid for writing
/// `capacity` peers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_peers(
    handle: *mut livesync_t,
    info_hash: *const u8,
    out: *mut livesync_peer_t,
    capacity: usize,
) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe {
        let out = Array::new(out, capacity, size_of::<livesync_peer_t>());
        let (Some(mut out), Some(info_hash)) = (out, info_hash.cast::<[u8; 20]>().as_ref()) else {
            return LIVESYNC_E_ARGUMENT;
        };
        let info_hash = InfoHash(*info_hash);
        with(handle, |handle| {
            let Some(table) = &handle.table else {
                return LIVESYNC_E_STATE;
            };
            for peer in table.peers(&info_hash, capacity) {
                out.push(&(&peer).into());
            }
            out.len()
        })
    }
}

/// How many peers the swarm of `info_hash`, 20 bytes, has in the table of a handle that
/// was opened with config.table = 1, and how often it was downloaded: writes the first
/// `size` bytes of the counts to `out`; `size` is sizeof( livesync_counts_t ) as the caller
/// knows it. It takes as long for a large swarm as for a small one. After a pause in which
/// more than 1,024 peers of a swarm have expired, and others have not, the rest of them counts
/// until further calls have removed them.
///
/// Returns LIVESYNC_OK or a negative error; LIVESYNC_E_STATE if the handle has no table.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `info_hash` is
/// either NULL, or valid for reading 20 bytes; `out` is either NULL, or valid for writing
/// `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_counts(
    handle: *mut livesync_t,
    info_hash: *const u8,
    out: *mut livesync_counts_t,
    size: usize,
) -> c_int {
    if out.is_null() || size < size_of::<usize>() {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: either NULL, or valid for reading 20 bytes.
    let Some(info_hash) = (unsafe { info_hash.cast::<[u8; 20]>().as_ref() }) else {
        return LIVESYNC_E_ARGUMENT;
    };
    let info_hash = InfoHash(*info_hash);
    // SAFETY: not NULL, so valid for writing; and as this function's contract says.
    unsafe {
        with(handle, |handle| {
            let Some(table) = &handle.table else {
                return LIVESYNC_E_STATE;
            };
            let counts = table.counts(&info_hash);
            let mut counts = counts.map(livesync_counts_t::from).unwrap_or_default();
            counts.size = size.min(size_of::<livesync_counts_t>());
            out::write(out.cast(), size, &counts);
            LIVESYNC_OK
        })
    }
}
