//! The programs of examples/ in their languages, built against the library under test as if it
//! were installed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use crate::support::cc;

/// Builds a program: returns a command without arguments, or what is missing.
type Build = fn() -> Result<Command, String>;

pub const LANGUAGES: [(&str, Build); 7] = [
    ("C", c),
    ("C++", cpp),
    ("Rust", rust),
    ("Python", python),
    ("Go", go_node),
    ("LuaJIT", luajit),
    ("Node.js", nodejs),
];

fn c() -> Result<Command, String> {
    compiled("C", &cc::compiler(), "-std=gnu99", "examples/c/node.c")
}

fn cpp() -> Result<Command, String> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    compiled("C++", &compiler, "-std=c++17", "examples/cpp/node.cpp")
}

fn rust() -> Result<Command, String> {
    // Built beside this test program, so that common dependencies are built once.
    let own = std::env::current_exe().expect("own path");
    let profile = own.ancestors().nth(2).expect("target/…/deps");
    let optimised = profile.ends_with("release").then_some("--release");
    cc::run(
        Command::new(env!("CARGO"))
            .current_dir(cc::root())
            .args(["build", "-p", "node"])
            .args(optimised)
            .arg("--target-dir")
            .arg(profile.parent().expect("target")),
    );
    Ok(Command::new(profile.join("node")))
}

fn python() -> Result<Command, String> {
    interpreted("python3", "--version", "examples/python/node.py")
}

fn luajit() -> Result<Command, String> {
    let mut program = interpreted("luajit", "-v", "examples/luajit/node.lua")?;
    program.env(
        "LUA_PATH",
        format!("{}/?.lua", path("examples/luajit").display()),
    );
    Ok(program)
}

fn nodejs() -> Result<Command, String> {
    if !path("examples/nodejs/node_modules/koffi").exists() {
        return Err("koffi is not there: npm install in examples/nodejs".to_owned());
    }
    interpreted("node", "--version", "examples/nodejs/node.js")
}

fn go_node() -> Result<Command, String> {
    let program = cc::scratch().join("node-go");
    let output = program.to_string_lossy().into_owned();
    go(&["build", "-o", &output, "./node"])?;
    let mut program = Command::new(program);
    program.env("LD_LIBRARY_PATH", prefix().join("lib"));
    Ok(program)
}

/// Runs go on the package of examples/go.
pub fn go(arguments: &[&str]) -> Result<(), String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    if !works("go", "version") || !works("pkg-config", "--version") {
        return Err("go or pkg-config is not installed".to_owned());
    }
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
    cc::run(
        Command::new("go")
            .current_dir(path("examples/go"))
            .args(arguments)
            .env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig"))
            .env("GOCACHE", cc::scratch().join("go-cache"))
            .env("GOFLAGS", "-mod=mod")
            .env("GOPROXY", "off"),
    );
    Ok(())
}

/// Returns whether a program exists and starts.
pub fn works(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok()
}

fn compiled(name: &str, compiler: &str, standard: &str, source: &str) -> Result<Command, String> {
    if !works(compiler, "--version") {
        return Err(format!("{compiler} is not installed"));
    }
    let program = cc::scratch().join(format!("node-{name}-{}", unique()));
    let prefix = prefix();
    cc::run(
        Command::new(compiler)
            .args([
                standard,
                "-O1",
                "-g",
                "-Wall",
                "-Wextra",
                "-Wpedantic",
                "-Werror",
                "-pthread",
            ])
            .arg(format!("-I{}", prefix.join("include").display()))
            .arg(path(source))
            .arg(format!("-L{}", prefix.join("lib").display()))
            .args(["-llivesync", "-o"])
            .arg(&program),
    );
    let mut program = Command::new(program);
    program.env("LD_LIBRARY_PATH", prefix.join("lib"));
    Ok(program)
}

fn interpreted(interpreter: &str, argument: &str, source: &str) -> Result<Command, String> {
    if !works(interpreter, argument) {
        return Err(format!("{interpreter} is not installed"));
    }
    let mut program = Command::new(interpreter);
    program
        .arg(path(source))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("LIVESYNC_LIBRARY", library());
    Ok(program)
}

/// Returns a number for a file name, so that two tests never write the same file.
fn unique() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Returns the library under test, for languages that load it themselves.
pub fn library() -> PathBuf {
    prefix().join("lib/liblivesync.so")
}

/// Returns a prefix with the library under test, as `cargo cinstall` makes one.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = cc::scratch().join("prefix");
        let _ = fs::remove_dir_all(&prefix);
        let lib = prefix.join("lib");
        fs::create_dir_all(lib.join("pkgconfig")).expect("a prefix");
        let soname = cc::soname();
        fs::copy(cc::built("liblivesync.so"), lib.join(&soname)).expect("the library");
        symlink(&soname, lib.join("liblivesync.so")).expect("a link");
        symlink(path("include"), prefix.join("include")).expect("a link");
        let shown = prefix.display();
        let pkg_config = format!(
            "Name: livesync\nDescription: the library under test\nVersion: {}\n\
             Cflags: -I{shown}/include\nLibs: -L{shown}/lib -llivesync\n",
            env!("CARGO_PKG_VERSION")
        );
        fs::write(lib.join("pkgconfig/livesync.pc"), pkg_config).expect("livesync.pc");
        prefix
    })
}

fn path(of: &str) -> PathBuf {
    cc::root().join(of)
}
