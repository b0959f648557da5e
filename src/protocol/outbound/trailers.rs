//! The trailers of our packets.

use super::numbering::{Numbering, WallClock};
use crate::config::Config;
use crate::time::Time;

/// The state of our trailers.
#[derive(Debug)]
pub(in crate::protocol) struct Trailers {
    pub(in crate::protocol) numbering: Numbering,
    kept: bool,
}

impl Trailers {
    /// Returns `None` unless this node sends, and has repair or a key.
    pub(in crate::protocol) fn new(now: Time, wall: WallClock, config: &Config) -> Option<Self> {
        let kept = repairs(config);
        (config.speak && (kept || config.keys.is_some())).then(|| Self {
            numbering: Numbering::new(now, wall),
            kept,
        })
    }

    /// Returns whether our packets are kept for NAKs.
    pub(super) fn are_kept(&self) -> bool {
        self.kept
    }
}

/// Returns whether a node takes part in loss repair: one that does not listen hears no NAK.
pub(in crate::protocol) fn repairs(config: &Config) -> bool {
    config.repair && config.listen
}
