//! The engine, not a copy of it, under thousands of schedules of its threads:
//!
//! ```text
//! RUSTFLAGS="--cfg shuttle" cargo test --release --lib model
//! ```
//!
//! shuttle runs one thread at a time, and before each use of a lock or an atomic
//! decides which one goes on. The network and the time are ours, in [`world`]. A
//! schedule that fails is printed, to be tried again by `shuttle::replay`.
//!
//! Not modelled: a stop by a signal handler on a thread that it interrupts, memory
//! orderings (the engine uses the strongest), and the kernel.

pub(crate) mod net;
pub(crate) mod sync;
mod world;

#[cfg(test)]
mod engine;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tracker;
