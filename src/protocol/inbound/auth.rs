//! Proof of origin: a tag that only who has the key can make.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::ahead::Ahead;
use crate::config::{Auth, Config};
use crate::keys::{KEY_LEN, Keys};
use crate::time::Time;
use crate::types::TrackerId;
use crate::wire::{Frame, Trailer};

/// Who says so, as far as a key proves it.
#[derive(Debug)]
pub(in crate::protocol) struct Authentication {
    keys: Keys,
    cluster: String,
    required: bool,
    max_skew: Duration,
    ahead: Ahead,
    /// A packet was used without a proof, and it was not said yet.
    unauthenticated: bool,
    /// By how many milliseconds the clock was ahead for which a packet was refused last.
    skew_ms: i64,
}

impl Authentication {
    /// Nothing without a key.
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

    /// Whether packets that prove nothing are refused.
    pub(super) fn is_required(&self) -> bool {
        self.required
    }

    /// Whether the clock of a sender is too far from ours.
    pub(super) fn is_skewed(&self, ahead_ms: i64) -> bool {
        Duration::from_millis(ahead_ms.unsigned_abs()) > self.max_skew
    }

    /// A packet is refused, since the clock of its sender is so many milliseconds ahead of ours. If
    /// it has left in the future, it must not be used when that has come.
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

    /// By how many milliseconds the sender's clock was ahead of ours, when a packet was last
    /// refused for that.
    pub(in crate::protocol) fn skew_ms(&self) -> i64 {
        self.skew_ms
    }

    /// Whether a packet that has left at this time may be one that was refused before.
    pub(super) fn was_refused(&self, id: TrackerId, trailer: &Trailer, left_at: i64) -> bool {
        self.ahead.was_refused(id, trailer, left_at)
    }

    /// A packet is refused as one that was refused before; whether to tell its sender.
    pub(super) fn objects(&mut self, now: Time, id: TrackerId) -> bool {
        self.ahead.objects(now, id)
    }

    /// A packet is used without a proof.
    pub(super) fn note_unauthenticated(&mut self) {
        self.unauthenticated = true;
    }

    /// Whether a packet was used without a proof, and it was not said yet.
    pub(in crate::protocol) fn take_unauthenticated(&mut self) -> bool {
        std::mem::take(&mut self.unauthenticated)
    }

    /// The tag of a packet of ours.
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

    /// Whether one of our keys has made the tag of this packet.
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
