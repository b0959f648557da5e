//! The protocol without I/O: no socket, no clock, no lock, no host in it.
//!
//! [`Node`] ties the parts together. What happens goes in through `tell` and
//! `handle_…`; what is to be done comes out of `poll_…` and of their results.
//! So a whole cluster runs inside one test, on a clock that the test owns.

mod batch;
mod counters;
mod node;
mod outbox;
mod timers;

pub use counters::Counters;
pub use node::{Node, Source};
pub use outbox::Datagram;
