//! The test tube: whole clusters of the real sans-IO node, on virtual clocks,
//! over a network that misbehaves as told.
//!
//! Everything in it is drawn from one seed, so the same seed gives the same run
//! to the last byte. A property that fails says which seed it was, and
//!
//! ```text
//! LIVESYNC_TESTS_TUBE_SEED=<seed> cargo test <its name>
//! ```
//!
//! runs that one alone and prints what the nodes say. For more seeds than the
//! usual few, and to see how many hours of cluster life go by in a second:
//!
//! ```text
//! LIVESYNC_TESTS_TUBE_SEEDS=5000 cargo test --release tube -- --nocapture
//! ```
//!
//! | file | what it is |
//! | --- | --- |
//! | network.rs | loss, alone and shared, bursts of it, duplication, delay, reordering, partitions |
//! | host.rs, peers.rs | a tracker's torrents and peers, in memory |
//! | cluster.rs | the nodes around a network, driven as the engine drives them |
//! | member.rs | one of them, with its host and its clocks |
//! | traffic.rs | what was sent, in numbers and in words |
//! | old.rs | a tracker of 2009 |
//! | seeds.rs | a property for many seeds |
//! | *scrape sync* | |
//! | audit.rs | the rules of the specification that hold at every moment, checked at every moment |
//! | scenario.rs | clusters and misfortunes at random |
//! | properties.rs | what holds for every seed |
//! | by_hand.rs, by_hand/ | what happens, step by step, in cases worth telling |
//! | refusing.rs | a tracker that does not store all that it is told |
//! | hostile.rs | somebody who tries to stop it, and what it costs |
//! | *loss repair* | |
//! | lives.rs | peers that come and go, over a network that misbehaves |
//! | latest_wins.rs | in the end each table is that of a network without faults |
//! | bystanders.rs | who knows no repair is not disturbed |
//! | limits.rs | what repair may cost, whoever asks |
//! | attacks.rs, forger.rs | somebody forges packets of the members, and all hear each other again |
//! | renamed.rs | what was told under an old id is told again, and nothing of it counts twice |
//! | figures.rs | what it costs that everything arrives, and how long it takes |

mod attacks;
mod audit;
mod by_hand;
mod bystanders;
mod cluster;
mod figures;
mod forger;
mod host;
mod hostile;
mod latest_wins;
mod limits;
mod lives;
mod member;
mod network;
mod old;
mod order;
mod peers;
mod properties;
mod reflected;
mod refusing;
mod renamed;
mod scenario;
mod seeds;
mod traffic;
