//! The torrents of opentracker: 1024 buckets with a lock each, which contain torrents sorted by
//! hash.

use std::ffi::{c_int, c_void};
use std::slice;

use super::layout::{ot_hash, ot_peerlist, ot_torrent, ot_vector, time_t};
use super::symbols::{Symbols, need};
use crate::host::Torrents;
use crate::types::{Cursor, InfoHash, Merged, Torrent};

const BUCKETS: u32 = 1024;

/// The functions and variables of the tracker that scrape sync uses.
#[derive(Clone, Copy)]
pub(super) struct Buckets {
    table: TableSymbols,
    /// The test of the access list, which only a tracker with an access list has.
    accesslist_hashisvalid: Option<unsafe extern "C" fn(*mut ot_hash) -> c_int>,
}

/// The functions and variables of the tracker that scrape sync needs.
#[derive(Clone, Copy)]
struct TableSymbols {
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
    /// Returns the buckets of this tracker, or the names of the symbols that it lacks.
    pub(super) fn find(symbols: Symbols) -> Result<Self, Vec<&'static str>> {
        let table = need!(
            symbols,
            TableSymbols {
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
        );
        Ok(Self {
            table: table?,
            accesslist_hashisvalid: symbols.accesslist_hashisvalid,
        })
    }

    /// Returns whether the tracker's access list allows a torrent.
    fn allows(&self, info_hash: &InfoHash) -> bool {
        let mut hash = info_hash.0;
        self.accesslist_hashisvalid
            // SAFETY: the tracker only reads the hash.
            .is_none_or(|is_valid| unsafe { is_valid(&mut hash) != 0 })
    }
}

impl TableSymbols {
    fn now_minutes(&self) -> time_t {
        // SAFETY: the symbol is there, so it is the tracker's variable.
        unsafe { self.g_now_seconds.read_volatile() / 60 }
    }

    /// Returns whether the tracker is up. The bucket must be locked, because a tracker that goes
    /// down frees its torrents and leaves dangling vectors behind.
    fn is_running(&self) -> bool {
        // SAFETY: the symbol is there, so it is the tracker's variable.
        unsafe { self.g_opentracker_running.read_volatile() != 0 }
    }

    /// Locks a bucket, which must exist. A walk begins at bucket 0 and ends at the last one.
    fn lock(&self, bucket: c_int) -> Bucket<'_> {
        // SAFETY: the bucket exists.
        let vector = unsafe { (self.mutex_bucket_lock)(bucket) };
        Bucket::new(self, vector, BucketKey::Number(bucket))
    }

    fn lock_by_hash(&self, info_hash: &InfoHash) -> Bucket<'_> {
        let mut hash = info_hash.0;
        // SAFETY: the tracker only reads the hash.
        let vector = unsafe { (self.mutex_bucket_lock_by_hash)(&mut hash) };
        Bucket::new(self, vector, BucketKey::Hash(hash))
    }
}

/// The key by which a bucket was locked, and by which it is unlocked.
enum BucketKey {
    Number(c_int),
    Hash(ot_hash),
}

/// A locked bucket. It is unlocked when this is dropped.
struct Bucket<'a> {
    table: &'a TableSymbols,
    vector: *mut ot_vector,
    key: BucketKey,
    /// The number of torrents that were added to the bucket.
    added: c_int,
}

impl Drop for Bucket<'_> {
    fn drop(&mut self) {
        // SAFETY: the bucket was locked by the same key, and nothing borrows from it any more.
        unsafe {
            match &mut self.key {
                BucketKey::Number(bucket) => (self.table.mutex_bucket_unlock)(*bucket, self.added),
                BucketKey::Hash(hash) => (self.table.mutex_bucket_unlock_by_hash)(hash, self.added),
            }
        }
    }
}

impl<'a> Bucket<'a> {
    fn new(table: &'a TableSymbols, vector: *mut ot_vector, key: BucketKey) -> Self {
        Self {
            table,
            vector,
            key,
            added: 0,
        }
    }

    /// Returns the torrents of the bucket, or none while the tracker goes down.
    fn torrents(&self) -> &[ot_torrent] {
        // SAFETY: the pointer is NULL, or points at the vector of the bucket, which is locked.
        match unsafe { self.vector.as_ref() } {
            Some(vector) if !vector.data.is_null() && self.table.is_running() => {
                // SAFETY: `data` points at `size` torrents while the bucket is locked.
                unsafe { slice::from_raw_parts(vector.data.cast(), vector.size) }
            }
            _ => &[],
        }
    }

    /// Returns what a scrape tell says of a torrent of this bucket.
    fn read(&self, torrent: &ot_torrent) -> Option<Torrent> {
        // SAFETY: the peer list of a torrent is NULL, or valid while its bucket is locked.
        let peer_list = unsafe { torrent.peer_list.as_ref() }?;
        let minutes = self.table.now_minutes().saturating_sub(peer_list.base);
        Some(Torrent {
            info_hash: InfoHash(torrent.hash),
            base_offset: u32::try_from(minutes.max(0)).unwrap_or(u32::MAX),
            downloaded: peer_list.down_count as u64,
        })
    }

    /// Merges a torrent of this bucket.
    fn merge(&mut self, heard: &Torrent) -> Merged {
        if !self.table.is_running() {
            return Merged::Failed;
        }
        // A tracker with 32 bits prints a larger count as a negative number.
        let downloaded = heard.downloaded.min(isize::MAX as u64) as usize;
        let mut hash = heard.info_hash.0;
        let mut exact_match: c_int = 0;
        // SAFETY: the bucket is locked, its torrents have the size that is passed, and the tracker
        // only reads the hash.
        let torrent = unsafe {
            (self.table.vector_find_or_insert)(
                self.vector,
                (&raw mut hash).cast(),
                size_of::<ot_torrent>(),
                size_of::<ot_hash>(),
                &mut exact_match,
            )
        };
        // SAFETY: the pointer is NULL if there is no memory, or points at a torrent of the locked
        // bucket. A new torrent has arbitrary bytes, which are valid for an ot_torrent.
        let Some(torrent) = (unsafe { torrent.cast::<ot_torrent>().as_mut() }) else {
            return Merged::Failed;
        };
        if exact_match == 0 {
            torrent.hash = hash;
            torrent.peer_list = new_peer_list();
        }
        // SAFETY: the pointer is NULL, or valid while the bucket is locked.
        let Some(peer_list) = (unsafe { torrent.peer_list.as_mut() }) else {
            if exact_match == 0 {
                // SAFETY: the torrent is in this bucket, and has no peer list to free.
                unsafe { (self.table.vector_remove_torrent)(self.vector, torrent) };
            }
            return Merged::Failed;
        };
        if exact_match == 0 {
            // A time_t of 32 bits would turn a larger number negative.
            let minutes = heard.base_offset.min(i32::MAX as u32) as time_t;
            peer_list.base = self.table.now_minutes().saturating_sub(minutes).max(0);
            peer_list.down_count = downloaded;
            self.added = 1;
            return Merged::AsHeard;
        }
        if peer_list.down_count > downloaded {
            return Merged::KnownBetter;
        }
        peer_list.down_count = downloaded;
        Merged::AsHeard
    }
}

impl Torrents for Buckets {
    fn count(&self) -> u64 {
        // SAFETY: the function takes no arguments.
        unsafe { (self.table.mutex_get_torrent_count)() as u64 }
    }

    fn walk(&self, cursor: Cursor, limit: usize, found: &mut Vec<Torrent>) -> Option<Cursor> {
        let number = c_int::try_from(cursor.bucket).ok()?;
        // Memory is reserved before the bucket is locked, to hold the lock for a shorter time.
        found.reserve(limit);
        let bucket = self.table.lock(number);
        let torrents = bucket.torrents();
        let begin = cursor.after.map_or(0, |after| {
            torrents.partition_point(|torrent| torrent.hash <= after.0)
        });
        let rest = &torrents[begin..];
        let portion = &rest[..limit.min(rest.len())];
        found.extend(portion.iter().filter_map(|torrent| bucket.read(torrent)));
        if portion.len() < rest.len() {
            let after = portion.last().map(|torrent| InfoHash(torrent.hash));
            return Some(Cursor { after, ..cursor });
        }
        let next = cursor.bucket + 1;
        (next < BUCKETS).then_some(Cursor {
            bucket: next,
            after: None,
        })
    }

    fn look_up(&self, info_hash: &InfoHash) -> Option<Torrent> {
        let bucket = self.table.lock_by_hash(info_hash);
        let torrents = bucket.torrents();
        let found = torrents.binary_search_by(|torrent| torrent.hash.cmp(&info_hash.0));
        bucket.read(&torrents[found.ok()?])
    }

    fn merge(&self, heard: &Torrent) -> Merged {
        if !self.allows(&heard.info_hash) {
            return Merged::Failed;
        }
        self.table.lock_by_hash(&heard.info_hash).merge(heard)
    }
}

/// Allocates an empty peer list, which the tracker frees. Returns NULL if there is no memory.
fn new_peer_list() -> *mut ot_peerlist {
    // SAFETY: the size is not 0, and a peer list of zeros is empty.
    unsafe { libc::calloc(1, size_of::<ot_peerlist>()).cast() }
}
