//! Builds C programs and the library for a sanitizer of the compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::cc;

/// Lets rustc mix code that is built for a sanitizer with code that is not, such as the
/// standard library.
const MIXED: &str = "-Cunsafe-allow-abi-mismatch=sanitizer";

#[derive(Clone, Copy)]
pub enum Sanitizer {
    Address,
    Thread,
}

impl Sanitizer {
    /// Builds a program of these C files together with the library; returns an error with the
    /// reason if that is not possible. The sanitizer's run-time library is that of rustc, for C
    /// files too, since a program can have only one.
    pub fn link(self, name: &str, sources: &[&Path], flags: &[&str]) -> Result<PathBuf, String> {
        let (sanitizer, runtime) = match self {
            Self::Address => ("address", "asan"),
            Self::Thread => ("thread", "tsan"),
        };
        let target = rustc(&["--print", "host-tuple"])?;
        let libraries = PathBuf::from(rustc(&["--print", "target-libdir", MIXED])?);
        let runtime = libraries
            .read_dir()
            .map_err(|e| format!("{}: {e}", libraries.display()))?
            .map(|entry| entry.expect("directory entry").path())
            .find(|path| {
                path.to_string_lossy()
                    .ends_with(&format!("_rt.{runtime}.a"))
            })
            .ok_or(format!("rustc has no {runtime} for {target}"))?;

        let directory = cc::scratch().join(format!("sanitized-{sanitizer}"));
        cc::run(
            Command::new(env!("CARGO"))
                .current_dir(cc::root())
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTFLAGS", format!("-Zsanitizer={sanitizer} {MIXED}"))
                .args(["rustc", "--lib", "--crate-type", "staticlib"])
                .args(["--target", &target, "--target-dir"])
                .arg(&directory),
        );
        // Compiles first and links afterwards, or the C compiler adds its own run-time library.
        let compile = |source: &&Path| {
            // Another program may have a file of this name, and be compiled at the same time.
            let file = source.file_stem().expect("a file").display();
            let object = directory.join(format!("{name}-{file}.o"));
            cc::run(
                Command::new(cc::compiler())
                    .arg(format!("-fsanitize={sanitizer}"))
                    .args(["-c", "-O1", "-g", "-pthread", "-DWANT_SYNC_LIVE"])
                    .arg("-DLIVESYNC_STANDALONE")
                    .arg(format!("-I{}", cc::root().join("include").display()))
                    .arg(cc::root().join(source))
                    .arg("-o")
                    .arg(&object),
            );
            object
        };
        let objects: Vec<PathBuf> = sources.iter().map(compile).collect();
        let objects: Vec<&Path> = objects.iter().map(PathBuf::as_path).collect();
        let runtime = format!(
            "-Wl,--whole-archive,{},--no-whole-archive",
            runtime.display()
        );
        Ok(cc::link_statically(
            &format!("{name}-{sanitizer}"),
            &objects,
            &[flags, &[&runtime]].concat(),
            &directory.join(target).join("debug/liblivesync.a"),
        ))
    }
}

fn rustc(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .args(arguments)
        .output()
        .map_err(|e| format!("rustc: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
