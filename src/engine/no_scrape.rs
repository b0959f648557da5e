//! Stands in for `scrape.rs` where the library is built without scrape sync.

use super::engine::Engine;
use crate::wire::PlausibleTorrents;

impl Engine {
    pub(super) fn can_scrape(&self) -> bool {
        false
    }

    pub(super) fn do_tasks(&self) {}

    pub(super) fn merge(&self, _: PlausibleTorrents<'_>) {}
}
