//! Packets in hexadecimal, with comments behind `#`.

use super::cc;

/// Returns the packet in a file of tests/vectors.
pub fn vector(file: &str) -> Vec<u8> {
    let path = cc::root().join("tests/vectors").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let data = text.lines().filter_map(|line| line.split('#').next());
    data.flat_map(bytes).collect()
}

pub fn bytes(hex: &str) -> Vec<u8> {
    let bytes = hex.split_whitespace();
    let bytes = bytes.map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits"));
    bytes.collect()
}
