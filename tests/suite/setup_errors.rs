//! A bad setup ends the tracker its own way, with one clear line.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use livesync::{Config, Events, Livesync, selftest};

use crate::support::group::port;
use crate::support::host::program;

fn dies(commands: &str, environment: &[(&str, &str)]) -> String {
    dies_in(&program(), commands, environment)
}

/// Runs commands in a host that must end by exerr, and returns its output.
pub fn dies_in(program: &Path, commands: &str, environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(program)
        .env("LIVESYNC_LOG", "error")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the host");
    let mut stdin = child.stdin.take().expect("a piped stdin");
    stdin
        .write_all(commands.as_bytes())
        .expect("the host reads");
    drop(stdin);
    let output = child.wait_with_output().expect("wait");
    let log = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(111), "{commands:?}: {log}");
    assert_eq!(log.lines().count(), 1, "{log}");
    log.trim_end().to_owned()
}

#[test]
fn no_bind() {
    assert_eq!(
        dies("init\n", &[]),
        "livesync: no address to sync on was given: \
         in opentracker livesync.cluster.listen gives one"
    );
}

#[test]
fn two_binds() {
    let commands = format!("bind 127.0.0.1 {0}\nbind 127.0.0.1 {0}\n", port());
    assert_eq!(
        dies(&commands, &[]),
        "livesync: an address to sync on was given twice: \
         another one may be given after a stop only"
    );
}

#[test]
fn no_address() {
    assert_eq!(
        dies("bind null 9696\n", &[]),
        "livesync: cannot sync on this address: it is NULL"
    );
}

#[test]
fn an_address_of_nobody_here() {
    let port = port();
    assert_eq!(
        dies(&format!("bind 192.0.2.99 {port}\n"), &[]),
        format!(
            "livesync: cannot join group 224.0.42.5:{port} on interface 192.0.2.99: \
             No such device (os error 19)"
        )
    );
}

#[test]
fn an_unknown_setting() {
    let key_file = [("LIVESYNC_KEYFILE", "/etc/livesync/key")];
    assert_eq!(
        dies("bind 127.0.0.1 9696\n", &key_file),
        "livesync: LIVESYNC_KEYFILE is not a setting of livesync; LIVESYNC_KEY_FILE may be meant"
    );
}

#[test]
fn a_key_in_the_place_of_its_file() {
    let key = "0123456789abcdef".repeat(4);
    assert_eq!(
        dies("bind 127.0.0.1 9696\n", &[("LIVESYNC_KEY_FILE", &key)]),
        "livesync: cannot use the key file (not shown, because it looks like a key): \
         No such file or directory (os error 2)"
    );
}

#[test]
fn programs_in_rust_get_the_same_refusals() {
    let config = Config::on([127, 0, 0, 1]).beacon_interval(Duration::ZERO);
    let opened = Livesync::open(config.clone(), Arc::new(Events::default()));
    let error = opened.err().expect("a refusal").to_string();
    assert_eq!(error, "beacon_interval must be 10 ms or more");
    let error = selftest(&config, Duration::ZERO).expect_err("a refusal");
    assert_eq!(error.to_string(), "beacon_interval must be 10 ms or more");
}

#[test]
fn an_unusable_setting() {
    assert_eq!(
        dies("bind 127.0.0.1 9696\n", &[("LIVESYNC_TTL", "900")]),
        "livesync: LIVESYNC_TTL=900 is invalid: it must be a number from 0 to 255"
    );
}

#[test]
fn no_key_file() {
    let file = [("LIVESYNC_KEY_FILE", "/nowhere/key")];
    assert_eq!(
        dies("bind 127.0.0.1 9696\n", &file),
        "livesync: cannot use the key file /nowhere/key: No such file or directory (os error 2)"
    );
}

#[test]
fn two_inits() {
    let commands = format!("bind 127.0.0.1 {}\ninit\ninit\n", port());
    assert_eq!(
        dies(&commands, &[]),
        "livesync: sync is started already: stop it before you start it again"
    );
}

#[test]
fn port_0() {
    assert_eq!(
        dies("bind 127.0.0.1 0\n", &[]),
        "livesync: cannot sync on port 0: set the port of the cluster"
    );
}
