//! scripts/archive makes an archive of the library that any linker accepts, and the lines of
//! docs/linking.md link it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::support::group::port;
use crate::support::process::Process;
use crate::support::{cc, is_too_long, skip, tracker_program};
use crate::symbols;

const LIBRARIES: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// A program that exits with 0 if the library works, at the end of its standard input.
const PROGRAM: &str = "examples/c/node.c";

const PATIENCE: Duration = Duration::from_secs(120);

const MUSL: &str = "x86_64-unknown-linux-musl";

#[test]
fn a_finished_archive_has_no_bitcode_and_defines_nothing_else() {
    let all = symbols::sorted(&[symbols::VERSION, symbols::CLASSIC, symbols::HANDLES]);
    is_one_object_that_defines(finished(), &all);
}

#[test]
fn compilers_link_it_at_link_time_optimisation_and_without() {
    run(&link("cc program.c", finished()));
    run(&link("cc -flto", finished()));
    run(&link("cc -static", finished()));
    if !links("clang", &["-flto"]) {
        return skip(
            "linking::compilers_link_it_at_link_time_optimisation_and_without",
            "clang -flto does not link: clang is not installed",
        );
    }
    run(&link("clang -flto", finished()));
}

/// The references are weak, and a linker could have made them strong or local.
#[test]
fn it_finds_the_functions_of_a_tracker() {
    let sources = tracker_program::sources();
    let sources: Vec<_> = sources.iter().map(PathBuf::as_path).collect();
    let program = cc::link_statically("linking-tracker", &sources, &[], finished());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", r#"exec "$0" "$@" 2>&1"#])
        .arg(program)
        .args(["-l", "127.0.0.1", "-p", "0", "-s", "127.0.0.1", "-S"])
        .arg(port().to_string())
        .env("LIVESYNC_LOG", "info");
    let tracker = Process::start(&mut shell);
    assert!(tracker.line("livesync: info: tracker ", PATIENCE).is_some());
}

/// Cargo's archive alone does not do this.
#[test]
fn it_links_beside_another_rust_archive_and_panics_are_caught() {
    const OTHER: &str = r#"
        #[unsafe(no_mangle)]
        pub extern "C" fn other_catches() -> bool {
            std::panic::set_hook(Box::new(|_| {}));
            std::panic::catch_unwind(|| {
                if std::env::args().len() > 0 {
                    panic!("to be caught");
                }
            })
            .is_err()
        }"#;
    const MAIN: &str = r#"
        #include <livesync.h>
        extern _Bool other_catches( void );
        int main( void ) {
          return other_catches() && livesync_version() ? 0 : 1;
        }"#;
    let directory = scratch("two");
    let [source, other, main] =
        ["other.rs", "libother.a", "program.c"].map(|name| directory.join(name));
    fs::write(&source, OTHER).expect("write a source");
    fs::write(&main, MAIN).expect("write a source");
    cc::run(
        Command::new("rustc")
            .args(["--edition=2024", "--crate-type=staticlib", "-Clto=fat"])
            .arg(&source)
            .arg("-o")
            .arg(&other),
    );
    let link = || {
        let program = directory.join("program");
        let include = cc::root().join("include");
        let mut cc = Command::new(cc::compiler());
        cc.arg("-I").arg(include).arg(&main).arg(finished());
        cc.arg(&other).args(LIBRARIES.split(' '));
        cc::run(cc.arg("-o").arg(&program));
        cc::run(&mut Command::new(program));
    };
    link();
    // It also unwinds if the other archive is finished, too.
    finish(&other, &["other_catches"]);
    is_one_object_that_defines(&other, &["other_catches".to_owned()]);
    link();
}

/// Takes a release build with all optimizations.
#[test]
fn what_is_shipped_is_small() {
    const TEST: &str = "linking::what_is_shipped_is_small";
    if is_too_long(TEST) {
        return;
    }
    let archive = build(&[]);
    let all = symbols::sorted(&[symbols::VERSION, symbols::CLASSIC, symbols::HANDLES]);
    is_one_object_that_defines(&archive, &all);
    let bytes = fs::metadata(&archive).expect("the archive").len();
    assert!(bytes < 2_000_000, "{bytes}");
    run(&link("cc program.c", &archive));
}

#[test]
fn a_program_with_musl_needs_nothing_else() {
    const TEST: &str = "linking::a_program_with_musl_needs_nothing_else";
    if is_too_long(TEST) {
        return;
    }
    if !links("musl-gcc", &["-static"]) {
        return skip(TEST, "musl-gcc is not installed");
    }
    if !has_target(MUSL) {
        return skip(
            TEST,
            &format!("no standard library: rustup target add {MUSL}"),
        );
    }
    let archive = build(&["--target", MUSL]);
    let program = link(
        "musl-gcc -static program.c target/x86_64-unknown-linux-musl/archive",
        &archive,
    );
    assert_eq!(symbols::dynamic(&program, "NEEDED"), [""; 0]);
    run(&program);
}

/// Returns the finished library under test.
fn finished() -> &'static Path {
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVE.get_or_init(|| {
        let archive = scratch("finished").join("liblivesync.a");
        fs::copy(cc::built("liblivesync.a"), &archive).expect("a copy");
        finish(&archive, &[]);
        archive
    })
}

fn finish(archive: &Path, names: &[&str]) {
    let script = cc::root().join("scripts/archive");
    cc::run(Command::new(script).arg("finish").arg(archive).args(names));
}

/// Returns the output of `scripts/archive build` with these flags of cargo.
fn build(flags: &[&str]) -> PathBuf {
    let target = cc::scratch().join("archive");
    cc::run(
        Command::new(cc::root().join("scripts/archive"))
            .env("CARGO_TARGET_DIR", &target)
            .arg("build")
            .args(flags)
            .arg("--offline"),
    );
    let directory = match flags {
        ["--target", triple, ..] => target.join(triple),
        _ => target,
    };
    directory.join("archive/liblivesync.a")
}

fn is_one_object_that_defines(archive: &Path, names: &[String]) {
    let members = cc::run(Command::new("ar").arg("t").arg(archive)).stdout;
    assert_eq!(String::from_utf8_lossy(&members).lines().count(), 1);
    let sections = cc::run(Command::new("readelf").arg("-SW").arg(archive)).stdout;
    let sections = String::from_utf8_lossy(&sections).into_owned();
    assert!(!sections.contains(" .llvmbc ") && !sections.contains(" .llvmcmd "));
    // nm tries the plugins in /usr/lib/bfd-plugins first.
    let nm = cc::run(
        Command::new("nm")
            .args(["-g", "--defined-only", "--format=just-symbols"])
            .arg(archive),
    );
    assert_eq!(String::from_utf8_lossy(&nm.stderr), "");
    let nm = String::from_utf8_lossy(&nm.stdout);
    let mut defined: Vec<_> = nm.lines().filter(|line| !line.is_empty()).collect();
    defined.retain(|line| !line.ends_with(':'));
    defined.sort();
    assert_eq!(defined, names);
}

/// Compiles the program by the line of the page that begins like this.
fn link(begin: &str, archive: &Path) -> PathBuf {
    let page = fs::read_to_string(cc::root().join("docs/linking.md")).expect("the page");
    let line = page
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .find(|line| line.starts_with(begin))
        .unwrap_or_else(|| panic!("no line {begin}"));
    let words = line.split(' ').map(|word| match word {
        "program.c" => cc::root().join(PROGRAM),
        _ if word.ends_with("liblivesync.a") => archive.to_owned(),
        _ => word.into(),
    });
    let words: Vec<_> = words.collect();
    let name: String = begin.chars().filter(char::is_ascii_alphanumeric).collect();
    let program = scratch("programs").join(name);
    cc::run(
        Command::new(&words[0])
            .args(&words[1..])
            .arg("-I")
            .arg(cc::root().join("include"))
            .arg("-o")
            .arg(&program),
    );
    program
}

fn run(program: &Path) {
    let mut command = Command::new(program);
    cc::run(command.args(["127.0.0.1", &port().to_string(), "6881"]));
}

/// Returns whether a compiler exists that can link with these flags.
fn links(compiler: &str, flags: &[&str]) -> bool {
    let [empty, program] = ["empty.c", "empty"].map(|name| scratch("programs").join(name));
    fs::write(&empty, "int main(void) { return 0; }").expect("write a source");
    let mut command = Command::new(compiler);
    command.args(flags).arg(&empty).arg("-o").arg(&program);
    command.output().is_ok_and(|output| output.status.success())
}

fn has_target(target: &str) -> bool {
    let mut rustc = Command::new("rustc");
    let directory = cc::run(rustc.args(["--print", "target-libdir", "--target", target])).stdout;
    Path::new(String::from_utf8_lossy(&directory).trim()).exists()
}

fn scratch(name: &str) -> PathBuf {
    let directory = cc::scratch().join("linking").join(name);
    fs::create_dir_all(&directory).expect("a directory");
    directory
}
