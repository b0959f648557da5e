//! The C border: thin and distrustful. No panic crosses it, NULL is checked
//! before use, and nothing but what C can name goes through it.

#![allow(unsafe_code)]

#[cfg(feature = "want_sync_live")]
mod classic;
#[cfg(feature = "handles")]
mod environment;
#[cfg(feature = "handles")]
mod handle;
#[cfg(feature = "handles")]
mod misspelt;
mod version;
