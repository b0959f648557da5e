//! The built-in table of peers and torrents: a host for programs that have none of their own.

mod aged;
mod limits;
#[expect(clippy::module_inception, reason = "the folder is named after it")]
mod memory;
#[cfg(all(test, feature = "want_sync_scrape"))]
mod model;
mod swarms;
mod table;
#[cfg(all(test, feature = "want_sync_scrape"))]
mod tests;

pub use limits::Limits;
pub use memory::Memory;
pub use table::Counts;
