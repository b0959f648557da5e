//! Loss repair and authentication on real networks: trackers in namespaces of their own, lost
//! packets, and an attacker on the segment.

mod attacker;
mod attackers;
mod changeover;
mod forgery;
mod limits;
mod loss;
mod old_node;
pub mod segment;
pub mod witness;
