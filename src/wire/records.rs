//! A list of records of one length, as SYNC_LIVE and SYNC_SCRAPE_TELL have it.

use std::iter::FusedIterator;
use std::slice;

/// A record of fixed length.
pub trait Record: Sized {
    /// A record as it is sent: an array of bytes.
    type Bytes: AsRef<[u8]> + 'static;

    /// Reads a record.
    fn parse(bytes: &Self::Bytes) -> Self;

    /// The record as it is sent.
    fn emit(&self) -> Self::Bytes;

    /// Splits the payload of a list into its whole records and what is left
    /// over behind them.
    fn split(payload: &[u8]) -> (&[Self::Bytes], &[u8]);
}

/// The records of a list: all that are complete, in the order they were sent.
#[derive(Clone, Debug)]
pub struct Records<'a, R: Record> {
    whole: slice::Iter<'a, R::Bytes>,
    tail: &'a [u8],
}

impl<'a, R: Record> Records<'a, R> {
    /// The records in the payload of a list.
    pub fn new(payload: &'a [u8]) -> Self {
        let (whole, tail) = R::split(payload);
        Self {
            whole: whole.iter(),
            tail,
        }
    }

    /// One of them.
    pub(crate) fn get(&self, number: usize) -> Option<R> {
        self.whole.as_slice().get(number).map(R::parse)
    }

    /// The records as they lie in the packet.
    pub(crate) fn bytes(&self) -> slice::Iter<'a, R::Bytes> {
        self.whole.clone()
    }

    /// What is left over behind the last whole record.
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

/// The `N` bytes of a field that begins at `offset` of a record.
pub(super) fn field<const N: usize>(record: &[u8], offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&record[offset..offset + N]);
    bytes
}
