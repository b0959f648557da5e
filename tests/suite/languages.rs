//! The examples in seven languages: one node of each in one cluster on the loopback interface.
//! All others see what one of them announces.

mod builds;
mod layouts;
mod node;

use std::process::Command;
use std::time::Duration;

use self::builds::LANGUAGES;
use self::node::{Change, Node};
use crate::support::{cc, files, group::port, skip};

/// Time limit for everything that is not measured; interpreters start slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Node number n announces peers with this port + n.
const FIRST_PEER_PORT: u16 = 7001;

#[test]
fn every_announce_made_in_one_is_seen_in_all_others() {
    let port = port();
    let mut nodes = Vec::new();
    for (name, mut program) in programs("every_announce_made_in_one_is_seen_in_all_others") {
        let peer_port = FIRST_PEER_PORT + nodes.len() as u16;
        program.args(["127.0.0.1", &port.to_string(), &peer_port.to_string()]);
        nodes.push(Node::start(name, peer_port, &mut program));
    }
    assert!(nodes.len() >= 2, "C and Rust are always there");
    for node in &nodes {
        for other in nodes
            .iter()
            .filter(|other| other.peer_port != node.peer_port)
        {
            node.must_see(Change::Added, other, PATIENCE);
        }
    }
    // They leave one after the other, and the remaining ones see it.
    while let Some(mut node) = nodes.pop() {
        node.end_input();
        for other in &nodes {
            other.must_see(Change::Removed, &node, PATIENCE);
        }
        let ended = node.end(PATIENCE);
        assert!(ended.success(), "{}: {ended}", node.name);
    }
}

#[test]
fn each_says_what_is_wrong() {
    for (name, mut program) in programs("each_says_what_is_wrong") {
        let usage = program.output().expect("run it");
        let text = String::from_utf8_lossy(&usage.stderr);
        assert_eq!(usage.status.code(), Some(2), "{name}: {text}");
        assert!(text.contains("usage"), "{name}: {text}");
        // An address that no interface has.
        let failed = program.args(["192.0.2.99", "9696", "7001"]).output();
        let failed = failed.expect("run it");
        let text = String::from_utf8_lossy(&failed.stderr);
        assert_eq!(failed.status.code(), Some(1), "{name}: {text}");
        assert!(text.contains("cannot join"), "{name}: {text}");
    }
}

#[test]
fn each_file_is_short() {
    let examples = cc::root().join("examples");
    for directory in ["c", "cpp", "python", "go", "luajit", "nodejs", "rust"] {
        let mut files = 0;
        visit(&examples.join(directory), &mut |file, text| {
            files += 1;
            let lines = text.lines().count();
            assert!(lines < 180, "{} has {lines} lines", file.display());
        });
        assert!(files > 0, "{directory}");
    }
}

/// Reads all sources below a directory.
fn visit(directory: &std::path::Path, see: &mut impl FnMut(&std::path::Path, &str)) {
    for path in files::below(directory) {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if ["c", "cpp", "hpp", "py", "go", "lua", "js", "rs"].contains(&extension.as_ref()) {
            see(&path, &std::fs::read_to_string(&path).expect("a source"));
        }
    }
}

#[test]
fn the_python_module_has_sound_type_hints() {
    if !builds::works("mypy", "--version") {
        return skip(
            "languages::the_python_module_has_sound_type_hints",
            "mypy is not installed",
        );
    }
    let cache = cc::scratch().join("mypy");
    cc::run(
        Command::new("mypy")
            .current_dir(cc::root().join("examples/python"))
            .args(["--strict", "--cache-dir"])
            .arg(cache)
            .args(["livesync.py", "node.py"]),
    );
}

#[test]
fn the_go_package_is_as_its_tools_want_it() {
    const TEST: &str = "languages::the_go_package_is_as_its_tools_want_it";
    if !builds::works("go", "version") || !builds::works("gofmt", "-h") {
        return skip(TEST, "go is not installed");
    }
    let directory = cc::root().join("examples/go");
    let unformatted = cc::run(Command::new("gofmt").arg("-l").arg(&directory)).stdout;
    assert!(
        unformatted.is_empty(),
        "{}",
        String::from_utf8_lossy(&unformatted)
    );
    match builds::go(&["vet", "./..."]) {
        Ok(()) => {}
        Err(missing) => skip(TEST, &missing),
    }
}

/// Returns the program in each language that can be built here; the others are reported as
/// skipped.
fn programs(test: &str) -> Vec<(&'static str, Command)> {
    let mut programs = Vec::new();
    for (name, build) in LANGUAGES {
        match build() {
            Ok(program) => programs.push((name, program)),
            Err(missing) => skip(&format!("languages::{test} in {name}"), &missing),
        }
    }
    programs
}
