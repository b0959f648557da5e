//! What our packets end in, if they do.

use super::numbering::{Numbering, WallClock};
use crate::config::Config;
use crate::time::Time;

/// Our trailers.
#[derive(Debug)]
pub(in crate::protocol) struct Trailers {
    pub(in crate::protocol) numbering: Numbering,
    kept: bool,
}

impl Trailers {
    /// There are trailers where there is repair, or a key.
    pub(in crate::protocol) fn new(now: Time, wall: WallClock, config: &Config) -> Option<Self> {
        let kept = repairs(config);
        (config.speak && (kept || config.keys.is_some())).then(|| Self {
            numbering: Numbering::new(now, wall),
            kept,
        })
    }

    /// Whether somebody may ask for our packets.
    pub(super) fn are_kept(&self) -> bool {
        self.kept
    }
}

/// Whether a node takes part in loss repair: one that does not listen cannot be asked.
pub(in crate::protocol) fn repairs(config: &Config) -> bool {
    config.repair && config.listen
}
