//! Loss repair and proof of origin on real networks: trackers in namespaces of their own,
//! packets that get lost, and somebody on the segment who is no friend.

mod attacker;
mod attackers;
mod changeover;
mod forgery;
mod limits;
mod loss;
mod old_node;
pub mod segment;
pub mod witness;
