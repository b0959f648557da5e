//! Authentication tags, made independently of the library as docs/protocol.md describes them.

use hmac::{Hmac, KeyInit, Mac};
use livesync::unstable::wire::{Header, Trailer};
use sha2::Sha256;

/// Returns a packet with this trailer, and with the tag that a node of the cluster makes with
/// the key.
pub fn tagged(key: &[u8; 32], cluster: &str, packet: &[u8], mut trailer: Trailer) -> Vec<u8> {
    trailer.flags |= Trailer::TAGGED;
    let (header, payload) = Header::parse(packet).expect("a header");
    let header = header.first().unwrap_or(header).emit();
    let fields = &trailer.emit()[Trailer::TAG_LEN..];
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any length");
    for part in [cluster.as_bytes(), &[0], &header, payload, fields] {
        mac.update(part);
    }
    let tag = mac.finalize().into_bytes();
    trailer.tag.copy_from_slice(&tag[..Trailer::TAG_LEN]);
    [packet, &trailer.emit()].concat()
}
