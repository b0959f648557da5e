//! Bytes become types at the door, and types become bytes: no allocation, no
//! state, no panic whatever arrives.
//!
//! One file per packet of the specification; each holds its offsets.

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

/// The largest payload that UDP over IPv4 can carry, all of which we accept.
pub const MAX_RECEIVED: usize = 65_507;
