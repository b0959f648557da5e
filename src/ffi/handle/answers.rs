//! The application's answers to questions that it got as events.

use std::ffi::c_int;

use super::code::LIVESYNC_E_ARGUMENT;
use super::handle::{livesync_t, with};
use crate::host::callbacks::{livesync_cursor_t, livesync_torrent_t};
use crate::types::InfoHash;

/// Answers LIVESYNC_EVENT_COUNT_TORRENTS.
///
/// @param handle The handle.
/// @param torrents The number of torrents of the application.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL;
/// - LIVESYNC_E_STATE if no such question is open;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once, and at any time after the event. No signal
/// handler may call it. It takes a lock for a moment.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_answer_count(handle: *mut livesync_t, torrents: u64) -> c_int {
    // SAFETY: the same preconditions.
    unsafe {
        with(handle, |handle| {
            handle.questions.count(&handle.livesync, torrents)
        })
    }
}

/// Answers LIVESYNC_EVENT_WALK_TORRENTS.
///
/// The next event of this type has `next` as its cursor. The application decides what `bucket` and
/// `after` mean, and may use only one of them: the library hands them back unchanged, `after` only
/// if `place` is not 0. A walk that returns to a place where it has been before ends the telling,
/// and the log says so. Torrents may come and go during a walk.
///
/// @param handle The handle.
/// @param torrents The torrents. It may be NULL if `count` is 0.
/// @param count The number of torrents: from 0 to the `limit` of the event.
/// @param next Where the walk continues, which must not be the `cursor` of the event. NULL, or a
/// `place` of 2, if these were the last torrents.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL, if `torrents` is NULL and `count` is not 0, if `count`
///   is more than the limit, if `next` is the `cursor` of the event, or if its `place` is more than
///   2; then the question stays open;
/// - LIVESYNC_E_STATE if no such question is open;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once, and at any time after the event. No signal
/// handler may call it. It takes a lock for a moment.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `torrents` is NULL, or
/// points to `count` torrents. `next` is NULL, or points to a cursor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_answer_walk(
    handle: *mut livesync_t,
    torrents: *const livesync_torrent_t,
    count: usize,
    next: *const livesync_cursor_t,
) -> c_int {
    let torrents = match (torrents.is_null(), count) {
        (_, 0) => &[][..],
        (true, _) => return LIVESYNC_E_ARGUMENT,
        // SAFETY: not NULL, so valid for reading so many.
        (false, _) => unsafe { std::slice::from_raw_parts(torrents, count) },
    };
    // SAFETY: either NULL, or valid for reading.
    let next = unsafe { next.as_ref() };
    // SAFETY: the same preconditions.
    unsafe {
        with(handle, |handle| {
            handle.questions.walk(&handle.livesync, torrents, next)
        })
    }
}

/// Answers LIVESYNC_EVENT_LOOK_UP_TORRENT.
///
/// Each event takes one answer, in any order.
///
/// @param handle The handle.
/// @param torrent The torrent; or NULL for any one question whose torrent the application does not
/// know. It does not matter which.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL;
/// - LIVESYNC_E_STATE if no such question is open for this torrent;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once, and at any time after the event. No signal
/// handler may call it. It takes a lock for a moment.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `torrent` is NULL, or
/// points to a torrent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_answer_look_up(
    handle: *mut livesync_t,
    torrent: *const livesync_torrent_t,
) -> c_int {
    // SAFETY: either NULL, or valid for reading; and the same preconditions.
    unsafe {
        let torrent = torrent.as_ref();
        with(handle, |handle| {
            handle.questions.look_up(&handle.livesync, torrent)
        })
    }
}

/// Answers LIVESYNC_EVENT_MERGE_TORRENT.
///
/// Each event takes one answer, in any order. An application may leave them unanswered: when 65,536
/// events wait for an answer, the library forgets the older half, which counts as
/// LIVESYNC_NOT_STORED.
///
/// @param handle The handle.
/// @param info_hash The torrent, 20 raw bytes.
/// @param merged LIVESYNC_MERGED, LIVESYNC_KNOWN_BETTER or LIVESYNC_NOT_STORED.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if a pointer is NULL, or if `merged` is another number;
/// - LIVESYNC_E_STATE if no such question is open for this torrent, or it was forgotten;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once, and at any time after the event. No signal
/// handler may call it. It takes a lock for a moment.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `info_hash` is NULL, or
/// points to 20 readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_answer_merge(
    handle: *mut livesync_t,
    info_hash: *const u8,
    merged: c_int,
) -> c_int {
    // SAFETY: either NULL, or valid for reading 20 bytes.
    let Some(info_hash) = (unsafe { info_hash.cast::<[u8; 20]>().as_ref() }) else {
        return LIVESYNC_E_ARGUMENT;
    };
    let info_hash = InfoHash(*info_hash);
    // SAFETY: the same preconditions.
    unsafe {
        with(handle, |handle| {
            handle.questions.merge(&handle.livesync, info_hash, merged)
        })
    }
}
