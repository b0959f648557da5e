//! The sending side: packets are filled, wait for the network, and are sealed as they leave.
//!
//! | what happens to a packet | file |
//! | --- | --- |
//! | it is filled with records | [`batch`] |
//! | it waits, the most urgent first | [`queue`] |
//! | as it leaves it gets a number, the time and a tag | [`seal`], [`numbering`] |

mod batch;
mod class;
mod datagram;
mod numbering;
mod queue;
mod seal;
mod trailers;

pub(super) use self::batch::Batch;
pub use self::class::{Class, Destination};
pub(super) use self::datagram::{Datagram, Kind};
pub(super) use self::numbering::{Numbering, WallClock, millis};
pub(super) use self::queue::Queue;
pub use self::queue::Transmit;
pub(super) use self::trailers::{Trailers, repairs};
