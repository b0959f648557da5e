//! Keys from a file that nobody else can read or change.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::str;

use zeroize::Zeroizing;

use crate::error::SetupError;
use crate::keys::Keys;
use crate::net::effective_user;

/// In bytes: far more than two keys take.
const LONGEST: u64 = 4096;

/// What the file's group and everybody else may do with it: nothing.
const OTHERS: u32 = 0o077;

const ROOT: u32 = 0;

/// The keys in this file, if it is as a key file must be.
pub(super) fn read(path: &Path) -> Result<Keys, SetupError> {
    read_keys(path).map_err(|error| SetupError::KeyFile {
        path: path.to_owned(),
        error,
    })
}

fn read_keys(path: &Path) -> io::Result<Keys> {
    // To open a pipe must not wait for somebody who writes to it.
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    // Of the file that is open, whatever has its name by now.
    let metadata = file.metadata()?;
    check(&metadata).map_err(io::Error::other)?;
    // As long as the file from the start: a buffer that grows leaves a copy behind.
    let mut text = Zeroizing::new(vec![0; metadata.len() as usize]);
    file.read_exact(&mut text)?;
    let text = str::from_utf8(&text).map_err(|_| io::Error::other("it is not text"))?;
    text.parse().map_err(io::Error::other)
}

/// Whether nobody else can have read or written the file, and it can be one.
fn check(file: &Metadata) -> Result<(), String> {
    if !file.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if ![effective_user(), ROOT].contains(&file.uid()) {
        let owner = file.uid();
        return Err(format!("it belongs to user {owner}, not to us or root"));
    }
    if file.mode() & OTHERS != 0 {
        let mode = file.mode() & 0o7777;
        return Err(format!(
            "not only its owner has rights to it: its mode is {mode:04o}, not 0600"
        ));
    }
    if file.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    Ok(())
}
