//! scripts/opentracker, on trees made of the shapes in c-tests/generations.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use crate::support::cc;
use crate::support::generations::{self, ALL, DUALSTACK, Generation, V6, WORKSTRUCT};
use crate::support::group::{Wire, port};
use crate::support::host::Host;

const PATIENCE: Duration = Duration::from_secs(120);

/// The C module of the tree.
const MODULE: &str = "const char *g_version_livesync_c = \"the tree's own\";\n";

/// A tree, beside a directory with the headers of a libowfat.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, generation: Generation, libowfat: &str) -> Self {
        let shapes = cc::root().join("c-tests/generations");
        let directory = cc::scratch().join(format!("tree {name}"));
        let _ = fs::remove_dir_all(&directory);
        let tree = Self(directory.join("opentracker"));
        let headers = directory.join("libowfat");
        for directory in [&tree.0, &headers] {
            fs::create_dir_all(directory).expect("a directory");
        }
        // The files of a generation replace those that it has in common with others.
        for part in ["common", "tree", generation.name] {
            for file in fs::read_dir(shapes.join(part)).expect("shapes") {
                let file = file.expect("a file").path();
                tree.take(&file, file.file_name().expect("a name"));
            }
        }
        tree.take(&shapes.join("tracker.h"), "tracker.h");
        tree.take(&shapes.join("tracker.c"), "opentracker.c");
        tree.take(&shapes.join("table.c"), "ot_mutex.c");
        fs::rename(tree.file("logic.c"), tree.file("trackerlogic.c")).expect("logic.c");
        fs::rename(tree.file("io.h"), headers.join("io.h")).expect("io.h");
        fs::copy(shapes.join(libowfat).join("iob.h"), headers.join("iob.h")).expect("iob.h");
        fs::write(tree.file("ot_livesync.c"), MODULE).expect("ot_livesync.c");
        tree
    }

    fn take(&self, file: &Path, name: impl AsRef<Path>) {
        fs::copy(file, self.0.join(name)).expect("copy a shape");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("a file of the tree")
    }

    /// Runs the script with a library of the tests.
    fn script(&self, library: &Path, arguments: &[&str]) -> Output {
        let mut script = script();
        script.arg("--library").arg(library).arg(&self.0);
        script.args(arguments).output().expect("the script")
    }

    /// Runs the script, and returns the lines that it prints.
    fn printed(&self, library: &Path, arguments: &[&str]) -> String {
        let output = self.script(library, arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Runs the script, and returns the one line with which it refuses.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.script(&adapters_library(), arguments);
        assert_eq!(output.status.code(), Some(1));
        let line = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(line.lines().count(), 1, "{line}");
        line.trim_end()
            .replace(&self.0.display().to_string(), "TREE")
    }

    /// Checks that the built tracker sends.
    fn speaks(&self) {
        let port = port();
        let wire = Wire::join(port);
        let mut host = Host::start(&mut Command::new(self.file("opentracker")));
        host.sync(1, port);
        host.run("announce ab 192.0.2.1 6881 80");
        let packet = wire.receive(PATIENCE).expect("a packet");
        assert_eq!(packet[8..28], [0xab; 20]);
        assert_eq!(host.end(), Some(0));
    }
}

fn script() -> Command {
    let mut script = Command::new(cc::root().join("scripts/opentracker"));
    for name in ["CFLAGS", "LDFLAGS", "FEATURES", "MAKEFLAGS"] {
        script.env_remove(name);
    }
    script
}

fn adapters_library() -> PathBuf {
    generations::library().to_owned()
}

/// Returns each generation, and how the script has it built.
fn rows() -> Vec<(Generation, &'static str, &'static str)> {
    let v6 = "of 13 January 2009 to 21 April 2010, with WANT_V6";
    let later = "of 22 April 2010 or later";
    let mut rows = Vec::new();
    for generation in ALL {
        rows.push(match generation.name {
            "v6" if generation.ipv6 => (generation, v6, "ot_livesync_v6.c"),
            "v6" => (
                generation,
                "of 2 January 2009 to 21 April 2010, without WANT_V6",
                "no adapter",
            ),
            _ => (generation, later, "ot_livesync_workstruct.c"),
        });
    }
    rows
}

#[test]
fn the_printed_line_builds_every_generation() {
    for (generation, row, adapter) in rows() {
        let name = format!("{}{}", generation.name, generation.flags.concat());
        let tree = Tree::new(&name, generation, "libowfat-0.34");
        let library = match adapter {
            "no adapter" => cc::built("liblivesync.a"),
            _ => adapters_library(),
        };
        let lines = tree.printed(&library, generation.flags);
        let title = format!("# {} is {row}: {adapter}", tree.0.display());
        assert_eq!(lines.lines().next(), Some(&*title));
        assert_eq!(tree.read("ot_livesync.c.orig"), MODULE);
        // The others differ in what the adapter sees, but the script treats them alike.
        if !generation.flags.contains(&"-DHASH_BY_VALUE") {
            cc::run(Command::new("sh").arg("-c").arg(&lines));
            tree.speaks();
        }
    }
}

/// The tree was built before: these objects are newer than their sources.
#[test]
fn objects_of_a_build_without_live_sync_do_not_stay() {
    let tree = Tree::new("old objects", WORKSTRUCT, "libowfat-0.34");
    let source = tree.file("old.c");
    fs::write(&source, "int main( void ) { return 0; }\n").expect("old.c");
    for object in [
        "opentracker.o",
        "trackerlogic.o",
        "ot_mutex.o",
        "ot_http.o",
        "ot_livesync.o",
    ] {
        let mut cc = Command::new(cc::compiler());
        cc.arg("-c").arg("-o").arg(tree.file(object));
        match object {
            "opentracker.o" => cc.arg(&source),
            _ => cc.args(["-x", "c", "/dev/null"]),
        };
        cc::run(&mut cc);
    }
    tree.printed(&adapters_library(), &["--make"]);
    tree.speaks();
}

/// Debian 12 has libowfat 0.32.
#[test]
fn a_libowfat_that_does_not_free_by_itself_is_noticed() {
    for (libowfat, is_old) in [("libowfat-0.33", true), ("libowfat-0.34", false)] {
        let tree = Tree::new(libowfat, DUALSTACK, libowfat);
        let lines = tree.printed(&adapters_library(), &[]);
        assert_eq!(lines.contains("-DWANT_NO_AUTO_FREE"), is_old, "{lines}");
        cc::run(Command::new("sh").arg("-c").arg(&lines));
    }
    let tree = Tree::new("no libowfat", DUALSTACK, "libowfat-0.34");
    assert_eq!(
        tree.refused(&["PREFIX=/nowhere"]),
        "scripts/opentracker: libowfat's iob.h is not where TREE/Makefile looks for it: \
         give PREFIX=... or LIBOWFAT_HEADERS=..."
    );
}

#[test]
fn features_of_the_makefile_count_and_variables_reach_make() {
    let tree = Tree::new("features", V6, "libowfat-0.34");
    let makefile = tree
        .read("Makefile")
        .replace("-DWANT_ACCESSLIST_BLACK", "-DWANT_V6");
    fs::write(tree.file("Makefile"), makefile).expect("Makefile");
    let lines = tree.printed(&adapters_library(), &["-DHASH_BY_VALUE", "PREFIX=.."]);
    assert!(lines.contains(": ot_livesync_v6.c\n"), "{lines}");
    assert!(lines.contains("FEATURES='-DWANT_SYNC_LIVE -DHASH_BY_VALUE'"));
    assert!(lines.ends_with("make opentracker PREFIX=..\n"), "{lines}");
}

#[test]
fn a_file_of_the_operators_is_never_lost() {
    let tree = Tree::new("own file", WORKSTRUCT, "libowfat-0.34");
    let library = adapters_library();
    // Twice: the second time our module is there, and the first one is kept.
    for _ in 0..2 {
        tree.printed(&library, &[]);
        assert_eq!(tree.read("ot_livesync.c.orig"), MODULE);
    }
    fs::write(tree.file("ot_livesync.c"), "/* changed */\n").expect("ot_livesync.c");
    assert_eq!(
        tree.refused(&[]),
        "scripts/opentracker: TREE/ot_livesync.c would be overwritten, and \
         TREE/ot_livesync.c.orig holds another version of it: move one of them away"
    );
    assert_eq!(tree.read("ot_livesync.c"), "/* changed */\n");
}

#[test]
fn what_is_no_tree_of_a_generation_that_can_sync_is_refused() {
    let tree = Tree::new("refused", V6, "libowfat-0.34");
    let refuse = |expected: &str| {
        assert_eq!(
            tree.refused(&[]),
            format!("scripts/opentracker: {expected}")
        );
        assert_eq!(tree.read("ot_livesync.c"), MODULE);
    };
    fs::write(
        tree.file("ot_livesync.h"),
        "void livesync_tell( ot_hash *hash, const ot_peer *peer, const uint8_t peerflag );\n",
    )
    .expect("ot_livesync.h");
    refuse(
        "TREE is of 2008: its live sync has no packet types. \
         Take a revision of 2 January 2009 or later",
    );
    fs::remove_file(tree.file("ot_livesync.h")).expect("ot_livesync.h");
    refuse(
        "TREE is of before 3 October 2008: it has no ot_livesync.h. \
         Take a revision of 2 January 2009 or later",
    );
    fs::remove_file(tree.file("Makefile")).expect("Makefile");
    refuse("TREE is not a tree of opentracker: it has no Makefile");
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, expected) in [
        (
            &["--mak"][..],
            "there is no option --mak; --help lists them",
        ),
        (&["/nowhere"], "there is no directory /nowhere"),
        (&["--library"], "--library needs a file"),
        (
            &[".", "WANT_V6"],
            "WANT_V6 is neither a feature (-D...) nor a variable of make (NAME=VALUE)",
        ),
        (
            &[".", "-DX=';'"],
            "a feature, a variable, CFLAGS or LDFLAGS has a character in it that a shell would read",
        ),
    ] {
        let output = script().args(arguments).output().expect("the script");
        let line = String::from_utf8_lossy(&output.stderr);
        assert_eq!(line, format!("scripts/opentracker: {expected}\n"));
        assert_eq!(output.status.code(), Some(1));
    }
    let help = cc::run(script().arg("--help")).stdout;
    assert!(help.starts_with(b"usage: scripts/opentracker "));
}

/// The script's way and that of docs/opentracker.md are the same.
#[test]
fn the_commands_of_the_page_build_a_tracker() {
    let page = cc::root().join("docs/opentracker.md");
    let page = fs::read_to_string(page).expect("docs/opentracker.md");
    let (_, commands) = page
        .split_once("    # in the tracker's tree;")
        .expect("commands");
    let commands: Vec<&str> = commands
        .lines()
        .skip(1)
        .map_while(|line| line.strip_prefix("    "))
        .collect();
    let project = cc::scratch().join("livesync");
    let _ = fs::remove_dir_all(&project);
    fs::create_dir_all(project.join("target/release")).expect("a directory");
    for part in ["include", "examples"] {
        symlink(cc::root().join(part), project.join(part)).expect("a link");
    }
    let library = project.join("target/release/liblivesync.a");
    symlink(adapters_library(), library).expect("a link");

    let tree = Tree::new("page", DUALSTACK, "libowfat-0.34");
    cc::run(
        Command::new("sh")
            .args(["-ec", &commands.join("\n")])
            .current_dir(&tree.0)
            .env("LIVESYNC", &project),
    );
    tree.speaks();
    for (_, _, adapter) in rows() {
        let is_named = page.contains(&format!("| `{adapter}` |"));
        assert!(is_named || adapter == "no adapter", "{adapter}");
    }
}

/// Each variant of the library has its own directory, and its own features.
#[test]
fn the_library_is_built_as_the_tree_needs_it() {
    let cargo = cc::scratch().join("cargo that only says how it is called");
    let text = cc::scratch().join("cargo.sh");
    fs::write(&text, "#!/bin/sh\necho \"$@\" >&2\nexit 1\n").expect("a script");
    cc::install(&text, &cargo);
    let target = cc::root().join("target/opentracker");
    for (generation, expected) in [
        (
            DUALSTACK,
            format!(
                "{}/adapter --no-default-features --features handles,want_sync_scrape",
                target.display()
            ),
        ),
        (ALL[2], format!("{}/unchanged", target.display())),
    ] {
        let tree = Tree::new("library", generation, "libowfat-0.34");
        let mut script = script();
        script.env("CARGO", &cargo).arg(&tree.0);
        let output = script.output().expect("the script");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            format!(
                "build --release --locked --lib --target-dir {expected}\n\
                 scripts/opentracker: the library could not be built\n"
            )
        );
        // The script replaces nothing before there is a library.
        assert_eq!(tree.read("ot_livesync.c"), MODULE);
    }
}
