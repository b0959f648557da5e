//! The whole test suite as one program, so that it links once.

mod support;
