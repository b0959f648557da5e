//! The tracker's torrents: 1024 buckets, each a vector of torrents sorted by hash,
//! behind a lock of its own.

use std::ffi::{c_int, c_void};
use std::slice;

use libc::time_t;

use super::layout::{ot_hash, ot_peerlist, ot_torrent, ot_vector};
use super::symbols::{Symbols, need};
use crate::host::Torrents;
use crate::types::{Cursor, InfoHash, Merged, Torrent};

const BUCKETS: u32 = 1024;

/// What scrape sync uses of the tracker.
#[derive(Clone, Copy)]
pub(super) struct Buckets {
    mutex_get_torrent_count: unsafe extern "C" fn() -> usize,
    mutex_bucket_lock: unsafe extern "C" fn(c_int) -> *mut ot_vector,
    mutex_bucket_lock_by_hash: unsafe extern "C" fn(*mut ot_hash) -> *mut ot_vector,
    mutex_bucket_unlock: unsafe extern "C" fn(c_int, c_int),
    mutex_bucket_unlock_by_hash: unsafe extern "C" fn(*mut ot_hash, c_int),
    vector_find_or_insert:
        unsafe extern "C" fn(*mut ot_vector, *mut c_void, usize, usize, *mut c_int) -> *mut c_void,
    vector_remove_torrent: unsafe extern "C" fn(*mut ot_vector, *mut ot_torrent),
    g_now_seconds: *mut time_t,
    g_opentracker_running: *mut c_int,
}

impl Buckets {
    /// The buckets, if this tracker has them; or what it lacks.
    pub(super) fn find(symbols: Symbols) -> Result<Self, Vec<&'static str>> {
        need!(
            symbols,
            Buckets {
                mutex_get_torrent_count,
                mutex_bucket_lock,
                mutex_bucket_lock_by_hash,
                mutex_bucket_unlock,
                mutex_bucket_unlock_by_hash,
                vector_find_or_insert,
                vector_remove_torrent,
                g_now_seconds,
                g_opentracker_running,
            }
        )
    }

    fn now_minutes(&self) -> time_t {
        // SAFETY: the symbol is there, so it is the tracker's variable.
        unsafe { self.g_now_seconds.read_volatile() / 60 }
    }

    /// What we tell of a torrent.
    ///
    /// # Safety
    /// The torrent's bucket is locked.
    unsafe fn read(&self, torrent: &ot_torrent) -> Option<Torrent> {
        // SAFETY: a torrent's peer list is NULL or valid as long as its bucket is
        // locked.
        let peer_list = unsafe { torrent.peer_list.as_ref() }?;
        let minutes = self.now_minutes().saturating_sub(peer_list.base);
        Some(Torrent {
            info_hash: InfoHash(torrent.hash),
            base_offset: u32::try_from(minutes.max(0)).unwrap_or(u32::MAX),
            downloaded: peer_list.down_count as u64,
        })
    }

    /// Whether the tracker is up. One that goes down frees its torrents, and leaves
    /// vectors behind that point at them; so this is asked with the bucket locked.
    fn is_running(&self) -> bool {
        // SAFETY: the symbol is there, so it is the tracker's variable.
        unsafe { self.g_opentracker_running.read_volatile() != 0 }
    }

    /// The torrents of a bucket; none while the tracker goes down.
    ///
    /// # Safety
    /// `vector` is NULL, or the bucket that it belongs to is locked, and stays so
    /// as long as the torrents are looked at.
    unsafe fn torrents<'a>(&self, vector: *const ot_vector) -> &'a [ot_torrent] {
        // SAFETY: as this function's contract says.
        match unsafe { vector.as_ref() } {
            Some(vector) if !vector.data.is_null() && self.is_running() => {
                // SAFETY: `size` torrents lie in `data`.
                unsafe { slice::from_raw_parts(vector.data.cast(), vector.size) }
            }
            _ => &[],
        }
    }

    /// Merges into a locked bucket; also returns how many torrents it has got more.
    ///
    /// # Safety
    /// `vector` is the bucket of the torrent's hash, and is locked.
    unsafe fn merge_locked(&self, vector: *mut ot_vector, heard: &Torrent) -> (Merged, c_int) {
        if !self.is_running() {
            return (Merged::Failed, 0);
        }
        let downloaded = usize::try_from(heard.downloaded).unwrap_or(usize::MAX);
        let mut hash = heard.info_hash.0;
        let mut exact_match: c_int = 0;
        // SAFETY: the bucket is locked, and the torrents in it are as large as we
        // say; the tracker reads the hash only.
        let torrent = unsafe {
            (self.vector_find_or_insert)(
                vector,
                (&raw mut hash).cast(),
                size_of::<ot_torrent>(),
                size_of::<ot_hash>(),
                &mut exact_match,
            )
        };
        // SAFETY: NULL without memory; else a torrent of the locked bucket. One that
        // is new has undefined bytes, which any bytes of an ot_torrent may be.
        let Some(torrent) = (unsafe { torrent.cast::<ot_torrent>().as_mut() }) else {
            return (Merged::Failed, 0);
        };
        if exact_match == 0 {
            torrent.hash = hash;
            torrent.peer_list = new_peer_list();
        }
        // SAFETY: NULL or valid, since the bucket is locked.
        let Some(peer_list) = (unsafe { torrent.peer_list.as_mut() }) else {
            if exact_match == 0 {
                // SAFETY: it is in this bucket, and has no peer list to free.
                unsafe { (self.vector_remove_torrent)(vector, torrent) };
            }
            return (Merged::Failed, 0);
        };
        if exact_match == 0 {
            let minutes = heard.base_offset as time_t;
            peer_list.base = self.now_minutes().saturating_sub(minutes).max(0);
            peer_list.down_count = downloaded;
            return (Merged::AsHeard, 1);
        }
        if peer_list.down_count > downloaded {
            return (Merged::KnownBetter, 0);
        }
        peer_list.down_count = downloaded;
        (Merged::AsHeard, 0)
    }
}

impl Torrents for Buckets {
    fn count(&self) -> u64 {
        // SAFETY: a call without arguments.
        unsafe { (self.mutex_get_torrent_count)() as u64 }
    }

    fn walk(&self, cursor: Cursor, limit: usize, told: &mut Vec<Torrent>) -> Option<Cursor> {
        let bucket = c_int::try_from(cursor.bucket).ok()?;
        // Not under the bucket's lock.
        told.reserve(limit);
        // SAFETY: the bucket exists: a walk begins at 0 and ends at the last one.
        let vector = unsafe { (self.mutex_bucket_lock)(bucket) };
        // SAFETY: it is locked until below.
        let torrents = unsafe { self.torrents(vector) };
        let begin = cursor.after.map_or(0, |after| {
            torrents.partition_point(|torrent| torrent.hash <= after.0)
        });
        let rest = &torrents[begin..];
        let portion = &rest[..limit.min(rest.len())];
        // SAFETY: the bucket is locked.
        told.extend(
            portion
                .iter()
                .filter_map(|torrent| unsafe { self.read(torrent) }),
        );
        let after = portion.last().map(|torrent| InfoHash(torrent.hash));
        let more = portion.len() < rest.len();
        // SAFETY: it was locked above, and none of its torrents is used any more.
        unsafe { (self.mutex_bucket_unlock)(bucket, 0) };
        if more {
            return Some(Cursor { after, ..cursor });
        }
        let bucket = cursor.bucket + 1;
        (bucket < BUCKETS).then_some(Cursor {
            bucket,
            after: None,
        })
    }

    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent> {
        let mut hash = info_hash.0;
        // SAFETY: the tracker reads the hash only.
        let vector = unsafe { (self.mutex_bucket_lock_by_hash)(&mut hash) };
        // SAFETY: it is locked until below.
        let torrents = unsafe { self.torrents(vector) };
        let found = torrents.binary_search_by(|torrent| torrent.hash.cmp(&hash));
        // SAFETY: the bucket is locked.
        let torrent = found
            .ok()
            .and_then(|at| unsafe { self.read(&torrents[at]) });
        // SAFETY: it was locked above, and none of its torrents is used any more.
        unsafe { (self.mutex_bucket_unlock_by_hash)(&mut hash, 0) };
        torrent
    }

    fn merge(&self, heard: &Torrent) -> Merged {
        let mut hash = heard.info_hash.0;
        // SAFETY: the tracker reads the hash only.
        let vector = unsafe { (self.mutex_bucket_lock_by_hash)(&mut hash) };
        // SAFETY: it is the hash's bucket, and locked until below.
        let (merged, delta) = unsafe { self.merge_locked(vector, heard) };
        // SAFETY: it was locked above.
        unsafe { (self.mutex_bucket_unlock_by_hash)(&mut hash, delta) };
        merged
    }
}

/// A peer list without peers, for the tracker to free; NULL without memory.
fn new_peer_list() -> *mut ot_peerlist {
    // SAFETY: the size is not 0; zeros are an empty peer list.
    unsafe { libc::calloc(1, size_of::<ot_peerlist>()).cast() }
}
