//! Callbacks of C as a host, and the types that they take.
#![allow(non_camel_case_types)]

mod host;
mod types;

pub(crate) use host::{CallbackHost, Callbacks};
pub(crate) use types::*;
