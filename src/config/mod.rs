//! All settings, their defaults, and what they may hold, whoever sets them.

#[cfg_attr(
    not(feature = "handles"),
    expect(dead_code, reason = "what C and the environment call them")
)]
pub(crate) mod rules;
mod settings;

pub use settings::{Auth, Config, LIVESYNC_PORT};
