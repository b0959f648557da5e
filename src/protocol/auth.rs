//! Proof of origin: a tag that only who has the key can make.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::ahead::Ahead;
use crate::config::{Auth, Config};
use crate::keys::{KEY_LEN, Keys};
use crate::wire::{Frame, Trailer};

/// Who says so, as far as a key proves it.
#[derive(Debug)]
pub(super) struct Authentication {
    keys: Keys,
    cluster: String,
    required: bool,
    max_skew: Duration,
    pub(super) ahead: Ahead,
}

impl Authentication {
    /// Nothing without a key.
    pub(super) fn new(config: &Config) -> Option<Self> {
        Some(Self {
            keys: config.keys.clone()?,
            cluster: config.cluster.clone(),
            required: config.auth == Auth::Require,
            max_skew: config.max_skew,
            ahead: Ahead::default(),
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

    /// The tag of a packet of ours.
    pub(super) fn tag(&self, packet: &[u8], trailer: &Trailer) -> [u8; Trailer::TAG_LEN] {
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
