//! Hints for the operator about settings of this host because of which the kernel drops packets.

use std::fs;

/// Returns a hint that the kernel grants a receive buffer of only `granted` of the `wanted` bytes.
pub(super) fn short_buffer(granted: usize, wanted: usize) -> String {
    format!(
        "the kernel grants a receive buffer of {granted} bytes only; \
         set net.core.rmem_max={wanted} to make room for longer bursts of packets"
    )
}

/// Returns a warning that the kernel has dropped `errors` packets because the receive buffer was
/// full, with a hint if the buffer is too small.
pub(super) fn full_buffer(errors: u64, short_buffer: Option<String>) -> String {
    let hint = short_buffer.map_or_else(String::new, |hint| format!("; {hint}"));
    format!(
        "the receive buffer was full: the kernel has dropped {errors} packets \
         since the node joined the group{hint}"
    )
}

/// Returns a hint if the reverse path filter of the interface is strict: then the kernel drops
/// packets whose source it would answer through another interface.
pub(super) fn strict_filter(interface: &str) -> Option<String> {
    const STRICT: u8 = 1;
    // The larger of the two values counts, although 2 is less strict than 1.
    let values = ["all", interface].map(|name| {
        let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
        fs::read_to_string(path).ok()?.trim().parse().ok()
    });
    (values.into_iter().flatten().max() == Some(STRICT)).then(|| {
        format!(
            "the reverse path filter of interface {interface} is strict: the kernel drops \
             packets of trackers that it would answer through another interface; \
             set net.ipv4.conf.{interface}.rp_filter=2 to let them in"
        )
    })
}
