//! Queries of the table of a handle.

use std::ffi::c_int;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_STATE, LIVESYNC_OK};
use super::handle::{livesync_t, with};
use super::out::{self, Array};
use crate::host::callbacks::livesync_peer_t;
use crate::host::memory::Counts;
use crate::types::InfoHash;

/// The counts of a torrent in the table of a handle.
///
/// @since 0.1.0
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct livesync_counts_t {
    /// The number of bytes of this struct that the library has set.
    pub size: usize,
    /// 1 if the torrent is in the table; 0 if it is not, and then the fields below are 0.
    pub known: u32,
    /// The time since the last announce of the torrent, in minutes.
    pub base_offset: u32,
    /// The number of peers that have the whole torrent.
    pub seeders: u64,
    /// The number of all other peers.
    pub leechers: u64,
    /// The number of completed downloads.
    pub downloaded: u64,
}

impl From<Counts> for livesync_counts_t {
    fn from(counts: Counts) -> Self {
        Self {
            size: 0,
            known: 1,
            base_offset: counts.base_offset,
            seeders: counts.seeders,
            leechers: counts.leechers,
            downloaded: counts.downloaded,
        }
    }
}

/// Writes peers of a torrent from the table of the handle.
///
/// The table has the peers that were announced to this handle and those received from other
/// trackers. The peers announced last come first.
///
/// @param handle The handle, opened with a `table` of 1 in the configuration.
/// @param info_hash The torrent, 20 raw bytes.
/// @param out The array to write to. It may be NULL if `capacity` is 0.
/// @param capacity The number of peers that fit into `out`.
/// @return The number of peers written, or a negative error:
/// - LIVESYNC_E_ARGUMENT if `handle` or `info_hash` is NULL, or if `out` is NULL and `capacity` is
///   not 0;
/// - LIVESYNC_E_STATE if the handle has no table;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It locks the table
/// for a time in proportion to the number of peers that it returns, however large the swarm is.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `info_hash` is NULL, or
/// points to 20 readable bytes. `out` is NULL, or has room for `capacity` peers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_peers(
    handle: *mut livesync_t,
    info_hash: *const u8,
    out: *mut livesync_peer_t,
    capacity: usize,
) -> c_int {
    // SAFETY: the same preconditions.
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

/// Writes the counts of a torrent from the table of the handle.
///
/// If more than 1,024 peers of a swarm expired while nothing called the table, and others have not,
/// the counts include the expired ones beyond 1,024 until further calls have removed them.
///
/// @param handle The handle, opened with a `table` of 1 in the configuration.
/// @param info_hash The torrent, 20 raw bytes.
/// @param out Where to write the first `size` bytes of the counts.
/// @param size The size of the struct as the caller knows it: `sizeof( livesync_counts_t )`.
/// @return LIVESYNC_OK, also if the table does not have the torrent, or
/// - LIVESYNC_E_ARGUMENT if a pointer is NULL, or if `size` is less than `sizeof( size_t )`;
/// - LIVESYNC_E_STATE if the handle has no table;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It locks the table
/// for a moment, as long for a large swarm as for a small one.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `info_hash` is NULL, or
/// points to 20 readable bytes. `out` is NULL, or points to `size` writable bytes.
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
    // SAFETY: not NULL, so valid for writing; and the same preconditions.
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
