//! The test tube: whole clusters of the real sans-IO node, on virtual clocks,
//! over a network that misbehaves on command.
//!
//! Everything in it is drawn from one seed, so the same seed gives the same run
//! to the last byte. A property that fails prints its seed, and
//!
//! ```text
//! LIVESYNC_TESTS_TUBE_SEED=<seed> cargo test <its name>
//! ```
//!
//! runs that one alone and prints the nodes' packets. For more seeds than the
//! usual few, and to see how many hours of cluster life go by in a second:
//!
//! ```text
//! LIVESYNC_TESTS_TUBE_SEEDS=5000 cargo test --release tube -- --nocapture
//! ```
//!
//! | file | contents |
//! | --- | --- |
//! | network.rs | loss, alone and shared, bursts of it, duplication, delay, reordering, partitions |
//! | host.rs, peers.rs | a tracker's torrents and peers, in memory |
//! | cluster.rs | the nodes around a network, called as the engine calls them |
//! | test_node.rs | one of them, with its host and its clocks |
//! | traffic.rs | sent packets, in numbers and in words |
//! | old.rs | a tracker of 2009 |
//! | seeds.rs | a property for many seeds |
//! | *scrape sync* | |
//! | audit.rs | the rules of the specification that hold at every moment, checked at every moment |
//! | scenario.rs | clusters and misfortunes at random |
//! | properties.rs | properties that hold for every seed |
//! | by_hand.rs, by_hand/ | interesting cases, step by step |
//! | refusing.rs | a tracker that does not store all torrents that it is told |
//! | hostile.rs | attackers that try to stop it |
//! | *loss repair* | |
//! | lives.rs | peers that come and go, over a network that misbehaves |
//! | latest_wins.rs | in the end each table is that of a network without faults |
//! | bystanders.rs | trackers without repair are not disturbed |
//! | limits.rs | bounds for the cost of repair |
//! | attacks.rs, forger.rs | attackers forge packets of the nodes, and the cluster recovers |
//! | renamed.rs | announces of an old id are restated, and none counts twice |
//! | figures.rs | the cost and the time of complete delivery |

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
mod test_node;
mod traffic;
