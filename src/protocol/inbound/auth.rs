//! Authentication: a tag that only a holder of the key can make.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::ahead::Ahead;
use crate::config::{Auth, Config};
use crate::keys::{KEY_LEN, Keys};
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Frame, Trailer};

/// Checks and makes tags, and keeps what the checks have found.
#[derive(Debug)]
pub(in crate::protocol) struct Authentication {
    keys: Keys,
    cluster: String,
    required: bool,
    max_skew: Duration,
    ahead: Ahead,
    /// True if a packet was used unauthenticated and has not been reported.
    unauthenticated: bool,
    /// The milliseconds by which a clock was ahead when a packet was last refused for that.
    skew_ms: i64,
}

impl Authentication {
    /// Returns `None` without a key.
    pub(in crate::protocol) fn new(config: &Config) -> Option<Self> {
        Some(Self {
            keys: config.keys.clone()?,
            cluster: config.cluster.clone(),
            required: config.auth == Auth::Require,
            max_skew: config.max_skew,
            ahead: Ahead::default(),
            unauthenticated: false,
            skew_ms: 0,
        })
    }

    /// Returns whether unauthenticated packets are refused.
    pub(super) fn is_required(&self) -> bool {
        self.required
    }

    /// Returns whether the clock of a sender is too far from ours.
    pub(super) fn is_skewed(&self, ahead_ms: i64) -> bool {
        Duration::from_millis(ahead_ms.unsigned_abs()) > self.max_skew
    }

    /// Notes that a packet is refused because its sender's clock is `ahead_ms` milliseconds ahead
    /// of ours. If it left in the future, it must not be used either once that time has come.
    pub(super) fn refuse_skewed(
        &mut self,
        now: i64,
        id: TrackerId,
        trailer: &Trailer,
        ahead_ms: i64,
        left_at: i64,
    ) {
        self.skew_ms = ahead_ms;
        if left_at > now {
            self.ahead.note(now, id, trailer, left_at);
        }
    }

    /// Returns by how many milliseconds the sender's clock was ahead of ours when a packet was last
    /// refused for that.
    pub(in crate::protocol) fn skew_ms(&self) -> i64 {
        self.skew_ms
    }

    /// Returns whether a packet that left at this time may be one that was refused before.
    pub(super) fn was_refused(&self, id: TrackerId, trailer: &Trailer, left_at: i64) -> bool {
        self.ahead.was_refused(id, trailer, left_at)
    }

    /// Returns whether to object now to a packet that is refused because it was refused before.
    pub(super) fn take_objection(&mut self, now: Time, id: TrackerId) -> bool {
        self.ahead.take_objection(now, id)
    }

    /// Notes that an unauthenticated packet is used.
    pub(super) fn note_unauthenticated(&mut self) {
        self.unauthenticated = true;
    }

    /// Returns whether an unauthenticated packet was used since the last call.
    pub(in crate::protocol) fn take_unauthenticated(&mut self) -> bool {
        std::mem::take(&mut self.unauthenticated)
    }

    /// Returns the tag of a packet of ours.
    pub(in crate::protocol) fn tag(
        &self,
        packet: &[u8],
        trailer: &Trailer,
    ) -> [u8; Trailer::TAG_LEN] {
        let mut tag = [0; Trailer::TAG_LEN];
        if let Some(first) = self.keys.iter().next() {
            let mac = self.mac(first, &[packet], trailer).finalize();
            tag.copy_from_slice(&mac.as_bytes()[..Trailer::TAG_LEN]);
        }
        tag
    }

    /// Returns whether one of our keys made the tag of this packet.
    pub(super) fn is_genuine(&self, frame: &Frame<'_>, trailer: &Trailer) -> bool {
        let header = frame.header.emit();
        self.keys.iter().any(|key| {
            let mac = self.mac(key, &[&header, frame.payload], trailer);
            mac.verify_truncated_left(&trailer.tag).is_ok()
        })
    }

    fn mac(&self, key: &[u8; KEY_LEN], packet: &[&[u8]], trailer: &Trailer) -> Hmac<Sha256> {
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key);
        let mut mac = mac.expect("HMAC takes keys of any length");
        mac.update(self.cluster.as_bytes());
        mac.update(&[0]);
        for part in packet {
            mac.update(part);
        }
        mac.update(&trailer.emit()[Trailer::TAG_LEN..]);
        mac
    }
}
