//! The test tube: whole clusters of the real sans-IO node, on virtual clocks,
//! over a network that misbehaves as told.
//!
//! Everything in it is drawn from one seed, so the same seed gives the same run
//! to the last byte. A property that fails says which seed it was, and
//!
//! ```text
//! LIVESYNC_TUBE_SEED=<seed> cargo test tube::properties::<its name>
//! ```
//!
//! runs that one alone and prints what the nodes say. For more seeds than the
//! usual few, and to see how many hours of cluster life go by in a second:
//!
//! ```text
//! LIVESYNC_TUBE_SEEDS=5000 cargo test --release tube -- --nocapture
//! ```
//!
//! | file | what it is |
//! | --- | --- |
//! | network.rs | loss, duplication, delay, reordering, partitions |
//! | host.rs | a tracker's torrents, in memory |
//! | audit.rs | the rules of the specification that hold at every moment, checked at every moment |
//! | cluster.rs | the nodes, driven as the engine drives them, and their clocks |
//! | scenario.rs | clusters and misfortunes at random |
//! | properties.rs | what holds for every seed |
//! | by_hand.rs | what happens, step by step, in cases worth telling |

mod audit;
mod by_hand;
mod cluster;
mod figures;
mod host;
mod lives;
mod network;
mod old;
mod peers;
mod properties;
mod repair;
mod scenario;
mod seeds;
mod traffic;
