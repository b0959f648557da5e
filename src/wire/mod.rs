//! The wire format: parses packets and writes them, without state and without a panic, whatever
//! arrives. Parsing does not allocate.
//!
//! Each packet type of the specification has a file of its own, which holds its offsets.

mod beacon;
mod frame;
mod header;
mod heartbeat;
mod inquire;
mod nak;
mod packet;
mod peers;
mod records;
mod tell;
mod trailer;

pub use beacon::Beacon;
pub use frame::Frame;
pub use header::{Header, PacketType};
pub use heartbeat::Heartbeat;
pub use inquire::Inquire;
pub use nak::Nak;
pub use packet::Packet;
pub use peers::PeerList;
pub use records::{Record, Records};
pub use tell::{PlausibleTorrents, TorrentList};
pub use trailer::Trailer;

/// The length of the largest datagram that is received, in bytes: the largest payload of UDP over
/// IPv4.
pub const MAX_RECEIVED: usize = 65_507;
