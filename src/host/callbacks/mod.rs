//! A host that calls the callbacks of a C program, and the C types that they take.
#![allow(non_camel_case_types)]

mod host;
mod types;

pub(crate) use host::{CallbackHost, Callbacks};
pub(crate) use types::*;
