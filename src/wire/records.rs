//! A list of records of fixed length, the payload of `SYNC_LIVE` and `SYNC_SCRAPE_TELL`.

use std::iter::FusedIterator;
use std::slice;

/// A record of fixed length.
pub trait Record: Sized {
    /// The encoded record: an array of bytes.
    type Bytes: AsRef<[u8]> + 'static;

    /// Parses a record.
    fn parse(bytes: &Self::Bytes) -> Self;

    /// Returns the record as it is sent.
    fn emit(&self) -> Self::Bytes;

    /// Splits the payload of a list into its whole records and the bytes behind them.
    fn split(payload: &[u8]) -> (&[Self::Bytes], &[u8]);
}

/// The complete records of a list, in the order in which they were sent.
///
/// # Examples
///
/// ```
/// use livesync::{InfoHash, Torrent};
/// use livesync::unstable::wire::{Record, Records};
///
/// let torrent = Torrent { info_hash: InfoHash([0xab; 20]), base_offset: 5, downloaded: 7 };
/// let mut payload = torrent.emit().to_vec();
/// payload.extend([1, 2, 3]);
///
/// let mut records = Records::new(&payload);
/// assert_eq!(records.next(), Some(torrent));
/// assert_eq!(records.next(), None);
/// assert_eq!(records.tail(), [1, 2, 3]);
/// ```
#[derive(Clone, Debug)]
pub struct Records<'a, R: Record> {
    whole: slice::Iter<'a, R::Bytes>,
    tail: &'a [u8],
}

impl<'a, R: Record> Records<'a, R> {
    /// Reads the payload of a list.
    pub fn new(payload: &'a [u8]) -> Self {
        let (whole, tail) = R::split(payload);
        Self {
            whole: whole.iter(),
            tail,
        }
    }

    /// Returns the record at an index, counted from the next one that the iterator yields.
    pub(crate) fn get(&self, number: usize) -> Option<R> {
        self.whole.as_slice().get(number).map(R::parse)
    }

    /// Returns the records as they are in the packet.
    pub(crate) fn bytes(&self) -> slice::Iter<'a, R::Bytes> {
        self.whole.clone()
    }

    /// Returns the bytes behind the last whole record.
    pub fn tail(&self) -> &'a [u8] {
        self.tail
    }
}

impl<R: Record> Iterator for Records<'_, R> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        self.whole.next().map(R::parse)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.whole.size_hint()
    }
}

impl<R: Record> ExactSizeIterator for Records<'_, R> {}
impl<R: Record> FusedIterator for Records<'_, R> {}

/// Returns the `N` bytes of a field that begins at `offset` of a record.
pub(super) fn field<const N: usize>(record: &[u8], offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&record[offset..offset + N]);
    bytes
}
