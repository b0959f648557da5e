//! The cluster of tests/suite/tube, on a network that follows fuzzed bytes.

#[path = "../../tests/suite/tube/audit.rs"]
pub mod audit;
#[path = "../../tests/suite/tube/cluster.rs"]
pub mod cluster;
#[path = "../../tests/suite/tube/host.rs"]
pub mod host;
#[path = "../../tests/suite/tube/test_node.rs"]
pub mod test_node;
pub mod network;
#[path = "../../tests/suite/tube/old.rs"]
pub mod old;
#[path = "../../tests/suite/tube/peers.rs"]
pub mod peers;
#[path = "../../tests/suite/tube/traffic.rs"]
pub mod traffic;
