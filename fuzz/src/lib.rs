//! What the fuzz targets share, and the longer ones of their parts.

pub mod arguments;
pub mod callbacks;
pub mod counting;
pub mod forged;
pub mod header;
pub mod leaks;
pub mod member;
pub mod packets;
pub mod peers;
pub mod program;
pub mod setup;
pub mod tube;
pub mod world;
