//! The shared parts of the fuzz targets, and the longer parts of single ones.

pub mod arguments;
pub mod callbacks;
pub mod counting;
pub mod forged;
pub mod header;
pub mod leaks;
pub mod test_node;
pub mod packets;
pub mod peers;
pub mod program;
pub mod setup;
pub mod tube;
pub mod world;
