//! The settings, their defaults and their permitted values.

#[cfg_attr(
    not(feature = "handles"),
    expect(dead_code, reason = "what C and the environment call them")
)]
pub(crate) mod rules;
mod settings;

pub use settings::{Auth, Config, LIVESYNC_PORT};
