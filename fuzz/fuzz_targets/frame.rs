//! Feeds the parser any bytes. A packet that it accepts is put together from its parts, and
//! must give the same bytes, except for those without meaning.

#![no_main]

use libfuzzer_sys::fuzz_target;
use livesync::stats::Reject;
use livesync::unstable::wire::{Frame, Header, Nak, Packet, PeerList, Record, Records, Trailer};

/// The bit of a peer's flags that is never on the wire.
const FROM_SYNC: u8 = 0x10;

fuzz_target!(|datagram: &[u8]| {
    match Frame::parse(datagram) {
        Ok(frame) => assert_eq!(put_together(&frame), meaning_of(datagram, &frame)),
        Err(reject) => {
            let short = datagram.len() < Header::LEN;
            assert_eq!(reject == Reject::TooShort, short, "{reject:?}");
        }
    }
});

/// Puts the datagram together from its parsed parts.
fn put_together(frame: &Frame<'_>) -> Vec<u8> {
    let Frame { header, packet, .. } = frame;
    let mut datagram = match packet {
        Packet::Live(PeerList::V4(peers)) => list(*header, peers),
        Packet::Live(PeerList::V6(peers)) => list(*header, peers),
        Packet::ScrapeTell(torrents) => list(*header, torrents),
        Packet::ScrapeBeacon(beacon) => beacon.emit(header.id).into(),
        Packet::ScrapeInquire(inquire) => inquire.emit(header.id).into(),
        Packet::Heartbeat(heartbeat) => heartbeat.emit(header.id).into(),
        Packet::Nak(nak) => {
            let ranges: Vec<_> = nak.ranges().collect();
            Nak::emit(header.id, nak.asked, nak.epoch, &ranges)
        }
    };
    if frame.retransmitted {
        datagram[..Header::LEN].copy_from_slice(&header.retransmitted().emit());
    }
    let trailer = frame.trailer.as_ref().map(Trailer::emit);
    datagram.extend(trailer.iter().flatten());
    datagram
}

fn list<R: Record>(header: Header, records: &Records<'_, R>) -> Vec<u8>
where
    for<'a> Records<'a, R>: Clone + ExactSizeIterator<Item = R>,
{
    assert!(records.len() > 0, "a list without a record");
    let mut datagram = header.emit().to_vec();
    for record in records.clone() {
        datagram.extend(record.emit().as_ref());
    }
    datagram.extend(records.tail());
    datagram
}

/// Returns the datagram without its meaningless bits: one of each peer's flags, and the byte
/// behind them.
fn meaning_of(datagram: &[u8], frame: &Frame<'_>) -> Vec<u8> {
    let mut meaning = datagram.to_vec();
    let payload = &mut meaning[Header::LEN..][..frame.payload.len()];
    assert_eq!(payload, frame.payload);
    let record = match &frame.packet {
        Packet::Live(PeerList::V4(_)) => 28,
        Packet::Live(PeerList::V6(_)) => 40,
        _ => return meaning,
    };
    for record in payload.chunks_exact_mut(record) {
        if let [.., flags, unused] = record {
            *flags &= !FROM_SYNC;
            *unused = 0;
        }
    }
    meaning
}
