//! An engine in a child of the process in which it was started.
//!
//! The child has its memory and its descriptors, but neither the receive thread nor any other
//! that may have been about to change something. So whatever a lock covers is looked at
//! only if the lock is free, and the lock is never waited for.

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;

use super::engine::Engine;

/// What a child cannot drop, as threads that it does not have have a part in it. It stays
/// reachable, so that no tool takes it for lost.
static INHERITED: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());

impl Engine {
    /// Whether this process is a child of the one in which it was started.
    pub fn is_forked(&self) -> bool {
        self.run.is_forked()
    }

    /// Gives back what a child has of it: the descriptors, of which the parent keeps its
    /// own, and the memory of the node. It neither waits nor sends.
    pub fn let_go(self: Arc<Self>) {
        let mut inherited: Vec<Box<dyn Any + Send>> = Vec::new();
        if let Some(mut state) = self.state.try_lock()
            && let Some(live) = state.live.take()
        {
            for link in live.links.iter() {
                link.close_inherited();
                inherited.push(Box::new(link.clone()));
            }
            drop(live);
        }
        self.waker.close_inherited();
        if let Some(poll_set) = self.poll_set.get() {
            poll_set.close_inherited();
        }
        inherited.push(Box::new(self));
        INHERITED.lock().append(&mut inherited);
    }
}
