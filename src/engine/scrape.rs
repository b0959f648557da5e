//! Scrape sync between the node and the host's torrents.
//!
//! The node hands each task out once, to the first thread that polls for it.

use super::engine::Engine;
use crate::host::Torrents;
use crate::protocol::{Node, Task};
use crate::types::{Cursor, InfoHash, Merged, Torrent};
use crate::wire::PlausibleTorrents;

/// How many merge results the node takes during one hold of the engine lock. Threads that announce
/// may wait for the lock.
const MERGE_PORTION: usize = 64;

impl Engine {
    /// Returns whether the host takes part in scrape sync.
    pub(super) fn can_scrape(&self) -> bool {
        self.host.torrents().is_some() || self.host.answers_later()
    }

    /// Merges the torrents of one scrape tell into those of the host.
    pub(super) fn merge(&self, heard: PlausibleTorrents<'_>) {
        let mut merged = Vec::with_capacity(heard.size_hint().1.unwrap_or(0));
        {
            let Some(_in_host) = self.run.enter_host() else {
                return;
            };
            let Some(torrents) = self.host.torrents() else {
                return self.host.torrents_heard(heard);
            };
            for torrent in heard {
                if !self.may_call_host() {
                    return;
                }
                merged.push((torrent.info_hash, torrents.merge(&torrent)));
            }
        }
        self.torrents_merged(&merged);
    }

    /// Does the tasks that the node has for the host, and sends the results.
    pub(super) fn do_tasks(&self) {
        let Some(torrents) = self.host.torrents() else {
            return;
        };
        while let Some(task) = self.input(Node::poll_task).flatten() {
            self.do_task(task, torrents);
        }
    }

    /// Returns the host's answer to a question, if the host is up.
    fn ask<T>(&self, question: impl FnOnce() -> T) -> Option<T> {
        let _in_host = self.run.enter_host()?;
        self.may_call_host().then(question)
    }

    fn do_task(&self, task: Task, torrents: &dyn Torrents) {
        match task {
            Task::CountTorrents => {
                if let Some(count) = self.ask(|| torrents.count()) {
                    self.torrents_counted(count);
                }
            }
            Task::Walk { cursor, limit } => {
                let mut told = Vec::with_capacity(limit);
                if let Some(next) = self.ask(|| torrents.walk(cursor, limit, &mut told)) {
                    self.torrents_walked(&told, next);
                }
            }
            Task::LookUp(hashes) => {
                let mut told = Vec::with_capacity(hashes.len());
                for info_hash in &hashes {
                    let Some(found) = self.ask(|| torrents.look_up(info_hash)) else {
                        return;
                    };
                    told.extend(found);
                }
                self.torrents_looked_up(&told);
            }
        }
    }

    /// Returns the next task for a host that [answers later](crate::host::Host::answers_later).
    /// Each task is handed out once, and must be answered once.
    pub fn poll_task(&self) -> Option<Task> {
        if !self.host.answers_later() || self.run.is_stopping() {
            return None;
        }
        self.input(Node::poll_task).flatten()
    }

    /// Answers [`Task::CountTorrents`].
    pub fn torrents_counted(&self, torrents: u64) {
        self.input(|node| node.handle_torrent_count(self.clock.now(), torrents));
    }

    /// Answers [`Task::Walk`] with some torrents and the cursor at which to go on.
    pub fn torrents_walked(&self, torrents: &[Torrent], next: Option<Cursor>) {
        let stuck = self.input(|node| {
            node.handle_walked(torrents, next);
            node.take_stuck_walk()
        });
        if stuck == Some(true) {
            self.warn(format_args!(
                "the program's walk over its torrents has returned to where it was before, so the \
                 scrape tell ends and other trackers do not learn of all torrents. This is a fault \
                 of the program; it is logged once"
            ));
        }
    }

    /// Answers [`Task::LookUp`] with those of the torrents that the host knows.
    pub fn torrents_looked_up(&self, torrents: &[Torrent]) {
        self.input(|node| node.handle_looked_up(torrents));
    }

    /// Answers [`torrents_heard`](crate::host::Host::torrents_heard) with the result for each
    /// torrent.
    pub fn torrents_merged(&self, merged: &[(InfoHash, Merged)]) {
        for some in merged.chunks(MERGE_PORTION) {
            self.input(|node| node.handle_merged(self.clock.now(), some));
        }
    }

    /// Calls `hand` with the node, if one runs, and sends what results from it.
    fn input<T>(&self, hand: impl FnOnce(&mut Node) -> T) -> Option<T> {
        if self.is_forked() {
            return None;
        }
        let mut state = self.lock();
        let live = state.live.as_mut()?;
        let result = hand(&mut live.node);
        self.act(state);
        Some(result)
    }
}
