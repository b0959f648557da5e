//! The key file: who may have rights to it, when it is read, and that its keys are gone
//! when their handle is closed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use livesync::{Config, Events, Livesync, SetupError, TrackerId};
use tempfile::TempDir;

use crate::support::group::port;
use crate::support::host::Host;
use crate::support::memory::Memory;
use crate::support::{cc, skip};

const KEY: &str = "30fa55fe2b2d2b54a1ce10ba96ec7ae9ab3d5b4b8f5d0d0d7c9b7e3e9d3c6f11\n";

fn directory() -> TempDir {
    tempfile::tempdir_in(cc::scratch()).expect("a directory")
}

/// A key file in this directory.
fn key_file(directory: &TempDir, text: impl AsRef<[u8]>, mode: u32) -> PathBuf {
    let path = directory.path().join("key");
    let _ = fs::remove_file(&path);
    fs::write(&path, text).expect("write a key file");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("change its mode");
    path
}

fn config(key_file: &Path) -> Config {
    Config::on([127, 0, 0, 1])
        .port(port())
        .key_file(key_file.to_owned())
}

fn open(key_file: &Path) -> Result<Livesync, SetupError> {
    Livesync::open(config(key_file), Arc::new(Events::default()))
}

/// Why a key file cannot be used.
fn refusal(key_file: &Path) -> String {
    let error = open(key_file).err().expect("a refusal").to_string();
    let begin = format!("cannot use the key file {}: ", key_file.display());
    let reason = error.strip_prefix(&begin).expect("the file's name");
    reason.to_owned()
}

#[test]
fn only_its_owner_may_have_rights_to_it() {
    let directory = directory();
    for mode in [0o400, 0o600, 0o700] {
        let file = key_file(&directory, KEY, mode);
        assert!(open(&file).is_ok(), "{mode:04o}");
    }
    for bit in 0..6 {
        let mode = 0o600 | 1 << bit;
        let file = key_file(&directory, KEY, mode);
        let reason =
            format!("not only its owner has rights to it: its mode is {mode:04o}, not 0600");
        assert_eq!(refusal(&file), reason);
    }
}

#[test]
fn a_link_has_the_rights_of_its_target() {
    let directory = directory();
    let link = directory.path().join("link");
    symlink("key", &link).expect("a link");
    key_file(&directory, KEY, 0o600);
    assert!(open(&link).is_ok());
    key_file(&directory, KEY, 0o604);
    assert!(refusal(&link).ends_with("its mode is 0604, not 0600"));
}

#[test]
fn it_belongs_to_us_or_root() {
    let directory = directory();
    let file = key_file(&directory, KEY, 0o600);
    let nobody = 65534;
    if let Err(e) = chown(&file, Some(nobody), None) {
        return skip("keys::it_belongs_to_us_or_root", &format!("chown: {e}"));
    }
    assert_eq!(
        refusal(&file),
        "it belongs to user 65534, not to us or root"
    );
}

#[test]
fn it_is_a_file() {
    let directory = directory();
    let missing = directory.path().join("missing");
    assert_eq!(refusal(&missing), "No such file or directory (os error 2)");
    let pipe = directory.path().join("pipe");
    cc::run(Command::new("mkfifo").args(["-m", "600"]).arg(&pipe));
    for other in [directory.path(), &pipe, Path::new("/dev/null")] {
        assert_eq!(refusal(other), "it is not a regular file");
    }
}

#[test]
fn it_holds_keys_and_nothing_else() {
    let directory = directory();
    let refusal = |text: &[u8]| refusal(&key_file(&directory, text, 0o600));
    assert_eq!(refusal(b""), "it holds no key");
    assert_eq!(
        refusal(&KEY.as_bytes()[1..]),
        "line 1 is not 64 hexadecimal digits"
    );
    assert_eq!(
        refusal(KEY.repeat(2).as_bytes()),
        "it holds the same key twice"
    );
    assert_eq!(refusal(b"\xff"), "it is not text");
    assert_eq!(refusal(&[b'\n'; 4096]), "it holds no key");
    assert_eq!(refusal(&[b'\n'; 4097]), "it is longer than 4096 bytes");
}

#[test]
fn it_is_read_when_the_group_is_joined_and_never_later() {
    let directory = directory();
    let file = key_file(&directory, KEY, 0o600);
    let node = open(&file).expect("a node");
    fs::remove_file(&file).expect("remove the key file");
    for _ in 0..2 {
        node.start(TrackerId::random()).expect("a start");
        node.stop();
    }
    let again = node.rebind(config(&file));
    assert!(
        matches!(again, Err(SetupError::KeyFile { .. })),
        "{again:?}"
    );
}

#[test]
fn keys_do_not_outlive_their_handle() {
    const TEST: &str = "keys::keys_do_not_outlive_their_handle";
    let directory = directory();
    let keys = [(); 2].map(|()| [(); 32].map(|()| fastrand::u8(..)));
    let text = keys.map(|key| hex(&key)).join("\n");
    let file = key_file(&directory, &text, 0o600);
    let sources = ["c-tests/handles/keys.c", "c-tests/handles/common.c"].map(Path::new);
    let library = cc::built("liblivesync.a");
    let program = cc::link_statically("handles-keys", &sources, &[], &library);
    let mut program = Host::start(Command::new(program).arg(port().to_string()).arg(&file));

    program.run("open");
    let memory = match Memory::of(program.id()) {
        Ok(memory) => memory,
        Err(e) => return skip(TEST, &format!("its memory cannot be read: {e}")),
    };
    for key in keys {
        assert!(memory.holds(&key), "we look at the wrong place");
        assert_eq!(remains(&memory, hex(&key).as_bytes()), None, "its text");
    }
    program.run("close");
    let memory = Memory::of(program.id()).expect("its memory");
    for key in keys {
        // As it is, as text, and as HMAC takes it in.
        assert_eq!(remains(&memory, &key), None, "the key");
        assert_eq!(remains(&memory, hex(&key).as_bytes()), None, "its text");
        for pad in [0x36, 0x5c] {
            let padded = key.map(|byte| byte ^ pad);
            assert_eq!(remains(&memory, &padded), None, "with {pad:#04x}");
        }
    }
}

/// Eight bytes of these that the memory holds, by the number of their first one.
fn remains(memory: &Memory, bytes: &[u8]) -> Option<usize> {
    let starts = (0..bytes.len()).step_by(8);
    starts
        .into_iter()
        .find(|start| memory.holds(&bytes[*start..start + 8]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
