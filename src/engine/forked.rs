//! An engine in a child of the process that started it.
//!
//! The child has copies of the memory and the descriptors, but no other thread of its parent. A
//! thread that held a lock when the process forked never releases it in the child. So the child
//! reads what a lock covers only if the lock is free, and never waits for it.

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;

use super::engine::Engine;

/// Values that a child cannot drop, because threads of its parent hold parts of them. They stay
/// reachable, so that leak checkers do not report them.
static INHERITED: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());

impl Engine {
    /// Returns whether this process is a child of the one that started the engine.
    pub fn is_forked(&self) -> bool {
        self.run.is_forked()
    }

    /// Releases the child's copies of the descriptors and the memory of the node. It neither waits
    /// nor sends, and leaves the parent's descriptors open.
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
