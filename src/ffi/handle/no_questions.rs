//! The questions of a library without scrape sync: there are none.

use std::ffi::c_int;

use super::code::LIVESYNC_E_STATE;
use super::event::livesync_event_t;
use crate::host::callbacks::{livesync_cursor_t, livesync_torrent_t};
use crate::livesync::Livesync;
use crate::types::InfoHash;

pub(super) struct Questions;

impl Questions {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn clear(&self) {}

    pub(super) fn next(&self, _: &Livesync) -> Option<livesync_event_t> {
        None
    }

    pub(super) fn count(&self, _: &Livesync, _: u64) -> c_int {
        LIVESYNC_E_STATE
    }

    pub(super) fn walk(
        &self,
        _: &Livesync,
        _: &[livesync_torrent_t],
        _: Option<&livesync_cursor_t>,
    ) -> c_int {
        LIVESYNC_E_STATE
    }

    pub(super) fn look_up(&self, _: &Livesync, _: Option<&livesync_torrent_t>) -> c_int {
        LIVESYNC_E_STATE
    }

    pub(super) fn note_merge(&self, _: &Livesync, _: InfoHash) {}

    pub(super) fn merge(&self, _: &Livesync, _: InfoHash, _: c_int) -> c_int {
        LIVESYNC_E_STATE
    }
}
