//! Reads the declarations of include/livesync.h. cbindgen writes them, so they have one form.

use std::fs;

use super::cc;

fn header() -> String {
    fs::read_to_string(cc::root().join("include/livesync.h")).expect("the header")
}

/// Returns every struct with visible fields, and its fields.
pub fn structs() -> Vec<(String, Vec<String>)> {
    let header = header();
    let behind_comments = header
        .split("/*")
        .map(|part| part.split_once("*/").map_or(part, |(_, code)| code));
    let code = String::from_iter(behind_comments);
    let structs = code.split("typedef struct ").skip(1);
    let structs = structs.filter_map(|rest| {
        let (name, rest) = rest.split_once(" {\n")?;
        let (body, _) = rest.split_once(&format!("}} {name};"))?;
        Some((name.to_owned(), body.lines().filter_map(field).collect()))
    });
    structs.collect()
}

/// Returns the name in a line like `const uint8_t *name[20];`.
fn field(line: &str) -> Option<String> {
    let name = line.strip_suffix(';')?.split_whitespace().last()?;
    let name = name.trim_start_matches('*').split('[').next()?;
    Some(name.to_owned())
}

/// Returns the fields of livesync_stats_t.
pub fn statistics() -> Vec<String> {
    let mut structs = structs().into_iter();
    let found = structs.find(|(name, _)| name == "livesync_stats_t");
    found.expect("the statistics").1
}

/// Returns every named number.
pub fn constants() -> Vec<String> {
    let defined = |line: &str| {
        let mut words = line.strip_prefix("#define ")?.split(' ');
        let name = words.next()?;
        words.next().map(|_| name.to_owned())
    };
    header().lines().filter_map(defined).collect()
}
