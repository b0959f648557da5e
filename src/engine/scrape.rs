//! Scrape sync between the node and the host's torrents. Whoever ticks first does
//! what is to be done; the node hands each task out once.

use super::engine::Engine;
use crate::host::Torrents;
use crate::protocol::{Node, Task};
use crate::types::{Cursor, InfoHash, Merged, Torrent};
use crate::wire::PlausibleTorrents;

/// What became of so many torrents the node is told at once: who announces may wait for it.
const MERGE_PORTION: usize = 64;

impl Engine {
    /// Whether the host takes part in scrape sync.
    pub(super) fn can_scrape(&self) -> bool {
        self.host.torrents().is_some() || self.host.answers_later()
    }

    /// Merges the torrents of one packet into the host's.
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

    /// Does what the node asks for, and sends what comes of it.
    pub(super) fn do_tasks(&self) {
        let Some(torrents) = self.host.torrents() else {
            return;
        };
        while let Some(task) = self.input(Node::poll_task).flatten() {
            self.do_task(task, torrents);
        }
    }

    /// Asks the host, if it is up.
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

    /// What to ask a host that [answers later](crate::host::Host::answers_later). Each task is
    /// handed out once, and to be answered once.
    pub fn poll_task(&self) -> Option<Task> {
        if !self.host.answers_later() || self.run.is_stopping() {
            return None;
        }
        self.input(Node::poll_task).flatten()
    }

    /// The answer to [`Task::CountTorrents`].
    pub fn torrents_counted(&self, torrents: u64) {
        self.input(|node| node.handle_torrent_count(self.clock.now(), torrents));
    }

    /// The answer to [`Task::Walk`]: some torrents, and where to go on.
    pub fn torrents_walked(&self, torrents: &[Torrent], next: Option<Cursor>) {
        let stuck = self.input(|node| {
            node.handle_walked(torrents, next);
            node.take_stuck_walk()
        });
        if stuck == Some(true) {
            self.warn(format_args!(
                "the program's walk over its torrents came where it had been before, at which \
                 we end the telling: other trackers do not learn of all torrents. This is a fault \
                 of the program; it is logged once"
            ));
        }
    }

    /// The answer to [`Task::LookUp`]: those that are known.
    pub fn torrents_looked_up(&self, torrents: &[Torrent]) {
        self.input(|node| node.handle_looked_up(torrents));
    }

    /// What became of torrents that the host [heard](crate::host::Host::torrents_heard) of.
    pub fn torrents_merged(&self, merged: &[(InfoHash, Merged)]) {
        for some in merged.chunks(MERGE_PORTION) {
            self.input(|node| node.handle_merged(self.clock.now(), some));
        }
    }

    /// Hands something to the node, if it lives, and sends what comes of it.
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
