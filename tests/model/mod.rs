//! Runs the real engine under thousands of schedules of its threads:
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test --release --lib model
//! ```
//!
//! shuttle runs one thread at a time, and before each use of a lock or an atomic decides which
//! one continues. [`world`] replaces the network and the time. A schedule that fails is
//! printed, and `shuttle::replay` can repeat it.
//!
//! Not modelled: a stop by a signal handler on a thread that it interrupts, memory orderings
//! (the engine uses the strongest), and the kernel.

pub(crate) mod net;
pub(crate) mod sync;
mod world;

#[cfg(test)]
mod engine;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tracker;
