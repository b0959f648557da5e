//! `dpkg-buildpackage` makes a runtime package and a development package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::packaging;
use crate::support::{cc, skip};
use crate::symbols;

const LIBRARY: &str = "liblivesync0.1";
const DEV: &str = "liblivesync-dev";

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_packages_have_these_files() {
    let Some(packages) = build("debian::the_packages_have_these_files") else {
        return;
    };
    let soname = symbols::soname();
    let lib = lib();
    assert_eq!(
        files(&package(packages, LIBRARY)),
        [
            &format!("{lib}/{soname} -> liblivesync.so.{VERSION}"),
            &format!("{lib}/liblivesync.so.{VERSION}"),
            "usr/share/doc/liblivesync0.1/changelog.Debian.gz",
            "usr/share/doc/liblivesync0.1/changelog.gz",
            "usr/share/doc/liblivesync0.1/copyright",
        ]
    );
    assert_eq!(
        files(&package(packages, DEV)),
        [
            "usr/include/livesync.h",
            "usr/include/ot_livesync.h",
            &format!("{lib}/liblivesync.a"),
            &format!("{lib}/liblivesync.so -> liblivesync.so.{VERSION}"),
            &format!("{lib}/pkgconfig/livesync.pc"),
            "usr/share/doc/liblivesync-dev/README.md.gz",
            "usr/share/doc/liblivesync-dev/changelog.Debian.gz",
            "usr/share/doc/liblivesync-dev/changelog.gz",
            "usr/share/doc/liblivesync-dev/copyright",
            "usr/share/doc/liblivesync-dev/embedding.md.gz",
            "usr/share/doc/liblivesync-dev/versioning.md.gz",
        ]
    );
}

#[test]
fn the_packages_depend_on_these() {
    let Some(packages) = build("debian::the_packages_depend_on_these") else {
        return;
    };
    let [library, dev] = [LIBRARY, DEV].map(|name| package(packages, name));
    let depends = field(&library, "Depends");
    let names: Vec<_> = depends
        .split(", ")
        .filter_map(|dependency| dependency.split(' ').next())
        .collect();
    assert_eq!(names, ["libc6", "libgcc-s1"]);

    let version = field(&library, "Version");
    let upstream = version.rsplit_once('-').map(|(upstream, _)| upstream);
    assert_eq!(upstream, Some(VERSION));
    let same = format!("{LIBRARY} (= {version})");
    assert_eq!(field(&dev, "Depends"), same);
}

/// From this file dpkg-shlibdeps learns which version a program needs.
#[test]
fn the_symbols_are_those_of_the_list() {
    let Some(packages) = build("debian::the_symbols_are_those_of_the_list") else {
        return;
    };
    let list = fs::read_to_string(cc::root().join("abi/liblivesync.symbols")).expect("the list");
    let mut list: Vec<_> = list.lines().filter(|line| !line.starts_with('#')).collect();
    list[1..].sort();
    let symbols = dpkg_deb("--info", &package(packages, LIBRARY), "symbols");
    assert_eq!(symbols.lines().collect::<Vec<_>>(), list);
}

#[test]
fn a_program_is_built_and_runs_with_the_packages() {
    let Some(packages) = build("debian::a_program_is_built_and_runs_with_the_packages") else {
        return;
    };
    let root = packages.join("root");
    for name in [LIBRARY, DEV] {
        dpkg_deb("--extract", &package(packages, name), &root);
    }
    let lib = root.join(lib());
    let program = packages.join("node");
    let line = r#""$0" -o "$1" examples/c/node.c $(pkg-config --cflags --libs livesync)"#;
    cc::run(
        Command::new("sh")
            .current_dir(cc::root())
            .env("PKG_CONFIG_SYSROOT_DIR", &root)
            .env("PKG_CONFIG_LIBDIR", lib.join("pkgconfig"))
            .args(["-c", line])
            .arg(cc::compiler())
            .arg(&program),
    );
    let without_arguments = Command::new(program)
        .env("LD_LIBRARY_PATH", lib)
        .output()
        .expect("the program");
    let usage = String::from_utf8_lossy(&without_arguments.stderr);
    assert_eq!(without_arguments.status.code(), Some(2), "{usage}");
    assert!(usage.starts_with("usage: "), "{usage}");
}

/// Returns the directory of the packages, or skips this test.
fn build(test: &str) -> Option<&'static Path> {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    match available() {
        Ok(()) => Some(PACKAGES.get_or_init(build_packages)),
        Err(reason) => {
            skip(test, &reason);
            None
        }
    }
}

fn available() -> Result<(), String> {
    packaging::available()?;
    if !cc::root().join(".git").exists() {
        return Err("not a git checkout".into());
    }
    let check = Command::new("dpkg-checkbuilddeps")
        .current_dir(cc::root())
        .output()
        .map_err(|_| "dpkg-dev is not installed")?;
    if check.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&check.stderr).trim().into())
}

/// Builds in a copy of the tree, because dpkg-buildpackage writes next to it. The copy is new
/// every time, but cargo's output stays.
fn build_packages() -> PathBuf {
    let packages = cc::scratch().join("debian");
    let tree = packages.join("livesync");
    let _ = fs::remove_dir_all(&packages);
    fs::create_dir_all(&tree).expect("directory of the copy");
    // The checkout may have any owner.
    let git = "git -c safe.directory='*'";
    let list = format!("{git} ls-files -z --cached --others --exclude-standard");
    let copy = "xargs -0 cp --archive --parents --target-directory";
    cc::run(
        Command::new("sh")
            .current_dir(cc::root())
            .args(["-c", &format!(r#"{list} | {copy} "$0""#)])
            .arg(&tree),
    );
    cc::run(
        Command::new("dpkg-buildpackage")
            .current_dir(&tree)
            .env("CARGO_TARGET_DIR", cc::scratch().join("debian-target"))
            .args(["-b", "-us", "-uc"]),
    );
    packages
}

/// Returns the package of this name, of any version and architecture.
fn package(packages: &Path, name: &str) -> PathBuf {
    let prefix = format!("{name}_");
    fs::read_dir(packages)
        .expect("directory of the packages")
        .map(|entry| entry.expect("a file").path())
        .find(|path| {
            let file = path.file_name().expect("a name").to_string_lossy();
            file.starts_with(&prefix) && file.ends_with(".deb")
        })
        .unwrap_or_else(|| panic!("no package {name}"))
}

/// Returns the files of a package, sorted, links as `link -> target`.
fn files(package: &Path) -> Vec<String> {
    let output = cc::run(Command::new("dpkg-deb").arg("--contents").arg(package)).stdout;
    let output = String::from_utf8(output).expect("UTF-8");
    let mut files: Vec<_> = output
        .lines()
        .filter_map(|line| line.split_once(" ./"))
        .map(|(_, path)| path.to_owned())
        .filter(|path| !path.is_empty() && !path.ends_with('/'))
        .collect();
    files.sort();
    files
}

fn field(package: &Path, name: &str) -> String {
    dpkg_deb("--field", package, name).trim().to_owned()
}

fn dpkg_deb(command: &str, package: &Path, argument: impl AsRef<std::ffi::OsStr>) -> String {
    let output = cc::run(
        Command::new("dpkg-deb")
            .arg(command)
            .arg(package)
            .arg(argument),
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Returns Debian's directory for libraries of this architecture.
fn lib() -> String {
    let triplet = cc::run(Command::new("dpkg-architecture").arg("-qDEB_HOST_MULTIARCH")).stdout;
    let triplet = String::from_utf8(triplet).expect("UTF-8");
    format!("usr/lib/{}", triplet.trim())
}
