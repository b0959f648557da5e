//! The version of the library, and what is compiled into it.

use std::ffi::{c_char, c_int};

use super::code;

/// The major version of this header.
#[allow(dead_code, reason = "a macro of the header")]
pub const LIVESYNC_VERSION_MAJOR: u32 = 0;
/// The minor version of this header.
#[allow(dead_code, reason = "a macro of the header")]
pub const LIVESYNC_VERSION_MINOR: u32 = 1;
/// The patch version of this header.
#[allow(dead_code, reason = "a macro of the header")]
pub const LIVESYNC_VERSION_PATCH: u32 = 0;
/// The version of this header as one number, to compare with livesync_version(): 0x00MMmmpp.
pub const LIVESYNC_VERSION: u32 =
    LIVESYNC_VERSION_MAJOR << 16 | LIVESYNC_VERSION_MINOR << 8 | LIVESYNC_VERSION_PATCH;

/// The six functions of ot_livesync.h are in the library.
pub const LIVESYNC_FEATURE_CLASSIC: u64 = 0x01;
/// Scrape sync is in the library.
pub const LIVESYNC_FEATURE_SCRAPE: u64 = 0x02;

/// A release changes the version in Cargo.toml, and cbindgen needs literals.
const _: () = {
    const fn number(text: &str) -> u32 {
        let (bytes, mut i, mut number) = (text.as_bytes(), 0, 0);
        while i < bytes.len() {
            number = number * 10 + (bytes[i] - b'0') as u32;
            i += 1;
        }
        number
    }
    assert!(LIVESYNC_VERSION_MAJOR == number(env!("CARGO_PKG_VERSION_MAJOR")));
    assert!(LIVESYNC_VERSION_MINOR == number(env!("CARGO_PKG_VERSION_MINOR")));
    assert!(LIVESYNC_VERSION_PATCH == number(env!("CARGO_PKG_VERSION_PATCH")));
};

/// Returns the version of the library that the program runs with.
///
/// LIVESYNC_VERSION is that of the header that the program was compiled with.
///
/// @return The version as 0x00MMmmpp: major, minor, patch.
/// @note Any thread may call it, also in a signal handler. It does not block.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn livesync_version() -> u32 {
    LIVESYNC_VERSION
}

/// Returns what is compiled into the library.
///
/// @return LIVESYNC_FEATURE_... bits.
/// @note Any thread may call it, also in a signal handler. It does not block.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn livesync_features() -> u64 {
    let mut features = 0;
    if cfg!(feature = "want_sync_live") {
        features |= LIVESYNC_FEATURE_CLASSIC;
    }
    if cfg!(feature = "want_sync_scrape") {
        features |= LIVESYNC_FEATURE_SCRAPE;
    }
    features
}

/// Returns what an error number means.
///
/// @param error A number that a function of this header has returned.
/// @return An English text, constant and never NULL; "unknown error" for a number that is none of
/// LIVESYNC_OK and LIVESYNC_E_...
/// @note Any thread may call it, also in a signal handler. It does not block.
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn livesync_strerror(error: c_int) -> *const c_char {
    code::text(error).as_ptr()
}
