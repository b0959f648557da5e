//! The key file: its required permissions, when it is read, and that its keys are gone from
//! memory when their handle is closed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
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

/// Writes a key file to this directory.
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

/// Returns the error for an unusable key file.
fn refusal(key_file: &Path) -> String {
    let error = open(key_file).err().expect("a refusal").to_string();
    let begin = format!("cannot use the key file {}: ", key_file.display());
    let reason = error.strip_prefix(&begin).expect("the file's name");
    reason.to_owned()
}

/// Returns the error for a file with this mode, if it is refused.
fn refusal_of_mode(directory: &TempDir, mode: u32) -> Option<String> {
    let file = key_file(directory, KEY, mode);
    open(&file).is_err().then(|| refusal(&file))
}

#[test]
fn its_owner_has_rights_to_it_and_a_group_may_read_that_of_root() {
    let directory = directory();
    let is_root = key_file(&directory, KEY, 0o600)
        .metadata()
        .expect("a file")
        .uid()
        == 0;
    let (most, of_whom) = match is_root {
        true => (0o740, "of root may have 0640"),
        false => (0o700, "of this user may have 0600"),
    };
    for mode in (0..0o100).map(|others| 0o600 | others) {
        let expected = (mode & !most != 0).then(|| {
            format!(
                "too many have rights to it: its mode is {mode:04o}, and a file {of_whom} at most"
            )
        });
        assert_eq!(refusal_of_mode(&directory, mode), expected);
    }
    for mode in [0o400, 0o600, 0o700] {
        assert_eq!(refusal_of_mode(&directory, mode), None, "{mode:04o}");
    }
}

/// A tracker that is not started as root reads its own key file, or one of root by its group.
#[test]
fn a_user_may_read_the_file_of_root_by_a_group() {
    const TEST: &str = "keys::a_user_may_read_the_file_of_root_by_a_group";
    const USER: u32 = 64_123;
    const GROUP: u32 = 64_777;
    let directory = directory();
    let file = key_file(&directory, KEY, 0o600);
    if let Err(e) = chown(&file, Some(0), Some(GROUP)) {
        return skip(TEST, &format!("chown: {e}"));
    }
    let source = Path::new("c-tests/handles/key_file.c");
    let program = cc::link_statically(
        "handles-key_file",
        &[source],
        &[],
        &cc::built("liblivesync.a"),
    );
    // A directory that the other user can reach, wherever the project is.
    let open = tempfile::tempdir().expect("a directory");
    fs::set_permissions(open.path(), Permissions::from_mode(0o755)).expect("its mode");
    let program_there = open.path().join("program");
    cc::install(&program, &program_there);
    let opened = |owner: u32, mode: u32| {
        let key = open.path().join("key");
        let _ = fs::remove_file(&key);
        fs::write(&key, KEY).expect("write a key file");
        chown(&key, Some(owner), Some(GROUP)).expect("chown");
        fs::set_permissions(&key, Permissions::from_mode(mode)).expect("its mode");
        let output = Command::new(&program_there)
            .args([port().to_string(), key.display().to_string()])
            .args([USER, GROUP].map(|id| id.to_string()))
            .output()
            .expect("run it");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    for (owner, mode) in [(0, 0o640), (0, 0o440), (USER, 0o600), (USER, 0o400)] {
        assert_eq!(opened(owner, mode), "ok\n", "{owner} {mode:04o}");
    }
    for (owner, mode, expected) in [
        (0, 0o660, "0660, and a file of root may have 0640 at most\n"),
        (0, 0o644, "0644, and a file of root may have 0640 at most\n"),
        (
            USER,
            0o640,
            "0640, and a file of this user may have 0600 at most\n",
        ),
        (
            GROUP,
            0o640,
            "it belongs to user 64777, not to us or root\n",
        ),
        (0, 0o600, "Permission denied (os error 13)\n"),
    ] {
        let said = opened(owner, mode);
        assert!(said.ends_with(expected), "{owner} {mode:04o}: {said}");
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
    assert!(refusal(&link).contains("its mode is 0604, and"));
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
    assert_eq!(refusal(b"\xff\xfe3\0"), "it is UTF-16, not UTF-8");
    assert_eq!(refusal(&[b'\n'; 4096]), "it holds no key");
    assert_eq!(refusal(&[b'\n'; 4097]), "it is longer than 4096 bytes");
}

#[test]
fn how_an_editor_writes_it_makes_no_difference() {
    let directory = directory();
    let key = KEY.trim();
    for text in [
        key.to_owned(),
        format!("{key}\r\n"),
        format!("\u{feff}{KEY}"),
        format!("  {key}\t \n\n\r\n"),
    ] {
        let file = key_file(&directory, &text, 0o600);
        assert!(open(&file).is_ok(), "{text:?}");
    }
}

#[test]
fn a_key_in_the_place_of_its_file_is_not_shown() {
    let key = Path::new(KEY.trim());
    let error = open(key).err().expect("a refusal");
    for shown in [
        error.to_string(),
        format!("{error:?}"),
        format!("{:?}", config(key)),
    ] {
        assert!(!shown.contains(&KEY[..16]), "{shown}");
        assert!(
            shown.contains("(not shown, because it looks like a key)"),
            "{shown}"
        );
    }
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
    let rebound = node.rebind(config(&file));
    assert!(
        matches!(rebound, Err(SetupError::KeyFile { .. })),
        "{rebound:?}"
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
        // The key in binary, as text, and in the form that HMAC uses.
        assert_eq!(remains(&memory, &key), None, "the key");
        assert_eq!(remains(&memory, hex(&key).as_bytes()), None, "its text");
        for pad in [0x36, 0x5c] {
            let padded = key.map(|byte| byte ^ pad);
            assert_eq!(remains(&memory, &padded), None, "with {pad:#04x}");
        }
    }
}

/// Returns eight of these bytes that the memory contains, and the place of the first one.
fn remains(memory: &Memory, bytes: &[u8]) -> Option<usize> {
    let starts = (0..bytes.len()).step_by(8);
    starts
        .into_iter()
        .find(|start| memory.holds(&bytes[*start..start + 8]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
