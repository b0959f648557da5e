//! Reads the keys of the cluster from a file, and refuses one that too many users can read or
//! write.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::str;

use zeroize::Zeroizing;

use crate::error::SetupError;
use crate::keys::{Keys, unless_key};
use crate::net::effective_user;

/// The longest key file, in bytes, which is far longer than two keys.
const KEY_FILE_MAX_LEN: u64 = 4096;

const ROOT_UID: u32 = 0;

/// The most permissive mode of a key file that belongs to the user of this process.
const OWN_FILE_MAX_MODE: u32 = 0o700;

/// The most permissive mode of a key file that belongs to root. Its group may read it, because the
/// administrator chooses that group: by a group of the system, by systemd's `LoadCredential`, or in
/// a container.
const ROOT_FILE_MAX_MODE: u32 = 0o740;

/// Reads the keys in this file, if its type, owner, mode and length are right.
pub(super) fn read(path: &Path) -> Result<Keys, SetupError> {
    read_keys(path).map_err(|error| SetupError::KeyFile {
        path: unless_key(&path.to_string_lossy()).into(),
        error,
    })
}

fn read_keys(path: &Path) -> io::Result<Keys> {
    // If the path is a named pipe, opening it must not wait for a writer.
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    // The check is of the open file, since another one may have its name by now.
    let metadata = file.metadata()?;
    check(&metadata).map_err(io::Error::other)?;
    // The buffer has its full length from the start: one that grows would leave a copy of the key
    // behind in memory.
    let mut text = Zeroizing::new(vec![0; metadata.len() as usize]);
    file.read_exact(&mut text)?;
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(io::Error::other("it is UTF-16, not UTF-8"));
    }
    let text = str::from_utf8(&text).map_err(|_| io::Error::other("it is not text"))?;
    text.parse().map_err(io::Error::other)
}

/// Checks type, owner, mode and length of a key file.
fn check(file: &Metadata) -> Result<(), String> {
    if !file.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let owner = file.uid();
    let (most, of_whom) = match owner {
        ROOT_UID => (ROOT_FILE_MAX_MODE, "of root may have 0640"),
        _ if owner == effective_user() => (OWN_FILE_MAX_MODE, "of this user may have 0600"),
        _ => return Err(format!("it belongs to user {owner}, not to us or root")),
    };
    let mode = file.mode() & 0o7777;
    if mode & 0o777 & !most != 0 {
        return Err(format!(
            "too many have rights to it: its mode is {mode:04o}, and a file {of_whom} at most"
        ));
    }
    if file.len() > KEY_FILE_MAX_LEN {
        return Err(format!("it is longer than {KEY_FILE_MAX_LEN} bytes"));
    }
    Ok(())
}
