//! The C interface. It checks pointers for NULL before use, lets no panic through, and has only
//! types that C can name.

#![allow(unsafe_code)]
// The comments become those of the C header, in the form of Doxygen.
#![allow(clippy::doc_markdown, clippy::missing_errors_doc)]

#[cfg(feature = "want_sync_live")]
mod classic;
#[cfg(feature = "handles")]
mod environment;
#[cfg(feature = "handles")]
mod handle;
#[cfg(feature = "handles")]
mod misspelt;
mod version;
