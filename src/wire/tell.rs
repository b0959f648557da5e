//! The `SYNC_SCRAPE_TELL` packet: what a tracker knows of its torrents, 32 bytes each.
//!
//! ```text
//! [ 0x0008 0x14 info_hash
//!   0x001c 0x04 base offset (i.e. when was it last announced, in minutes), big endian
//!   0x0020 0x08 downloaded count, big endian
//! ]*
//! ```

use super::records::{Record, Records, field};
use crate::types::{InfoHash, Torrent};

const INFO_HASH: usize = 0;
const BASE_OFFSET: usize = 20;
const DOWNLOADED: usize = 24;
const LEN: usize = 32;

/// The torrents of a `SYNC_SCRAPE_TELL` packet.
pub type TorrentList<'a> = Records<'a, Torrent>;

/// The torrents of a `SYNC_SCRAPE_TELL` packet whose numbers are
/// [plausible](Torrent::is_plausible).
#[derive(Clone, Debug)]
pub struct PlausibleTorrents<'a> {
    all: TorrentList<'a>,
}

#[cfg(feature = "want_sync_scrape")]
impl<'a> PlausibleTorrents<'a> {
    /// Selects the plausible torrents among `all`.
    pub(crate) fn new(all: TorrentList<'a>) -> Self {
        Self { all }
    }
}

impl Iterator for PlausibleTorrents<'_> {
    type Item = Torrent;

    fn next(&mut self) -> Option<Torrent> {
        self.all.find(Torrent::is_plausible)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.all.len()))
    }
}

impl Record for Torrent {
    type Bytes = [u8; LEN];

    fn parse(bytes: &[u8; LEN]) -> Self {
        Self {
            info_hash: InfoHash(field(bytes, INFO_HASH)),
            base_offset: u32::from_be_bytes(field(bytes, BASE_OFFSET)),
            downloaded: u64::from_be_bytes(field(bytes, DOWNLOADED)),
        }
    }

    fn emit(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[INFO_HASH..BASE_OFFSET].copy_from_slice(&self.info_hash.0);
        bytes[BASE_OFFSET..DOWNLOADED].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[DOWNLOADED..].copy_from_slice(&self.downloaded.to_be_bytes());
        bytes
    }

    fn split(payload: &[u8]) -> (&[[u8; LEN]], &[u8]) {
        payload.as_chunks()
    }
}
