//! The C interface. It checks pointers for NULL before use, lets no panic through, and has only
//! types that C can name.

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
