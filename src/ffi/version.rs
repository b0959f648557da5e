//! The line that a tracker's version output prints.

use std::ffi::c_char;

/// A pointer to text that is never written to.
#[repr(transparent)]
pub struct Text(*const c_char);

// SAFETY: the text that it points to is constant.
unsafe impl Sync for Text {}

/// `const char *g_version_livesync_c`: the name and version of this library, one line with its line
/// feed. A tracker refers to it even when live sync is compiled out.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static g_version_livesync_c: Text = Text(
    concat!("livesync ", env!("CARGO_PKG_VERSION"), "\n\0")
        .as_ptr()
        .cast(),
);
