//! Real packets, from tests/vectors, for targets whose input is more than one packet.

use std::sync::LazyLock;

macro_rules! vectors {
    ($($name:literal)+) => {
        [$(include_str!(concat!("../../tests/vectors/", $name, ".hex")),)+]
    };
}

/// The packets of tests/vectors.
pub static PACKETS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let texts = vectors!(
        "again" "beacon" "heartbeat" "inquire" "live_0" "live_1" "live_52" "live_ipv6" "nak"
        "ours_live" "ours_live_ipv6" "ours_tell" "second_key" "tagged_again" "tagged_beacon"
        "tagged_heartbeat" "tagged_inquire" "tagged_live" "tell_46" "truncated"
    );
    texts.into_iter().map(packet).collect()
});

/// Parses a packet in hexadecimal, with comments behind `#`.
fn packet(text: &str) -> Vec<u8> {
    let data = text.lines().filter_map(|line| line.split('#').next());
    let bytes = data.flat_map(str::split_whitespace);
    bytes
        .map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits"))
        .collect()
}
