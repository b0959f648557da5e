//! Settings of this host by which packets get lost, and how to tell its operator.

use std::fs;

/// The kernel grants a receive buffer of `granted` bytes, and not of those `wanted`.
pub(super) fn short_buffer(granted: usize, wanted: usize) -> String {
    format!(
        "the kernel grants a receive buffer of {granted} bytes; \
         net.core.rmem_max={wanted} would make room for longer bursts of packets"
    )
}

/// The kernel has dropped so many packets because the receive buffer was full, which may be
/// too small.
pub(super) fn full_buffer(errors: u64, short_buffer: Option<String>) -> String {
    let hint = short_buffer.map_or_else(String::new, |hint| format!("; {hint}"));
    format!(
        "the receive buffer was full: the kernel has dropped {errors} packets since the start{hint}"
    )
}

/// Returns a hint if the kernel drops packets whose source it would not answer through this
/// interface.
pub(super) fn strict_filter(interface: &str) -> Option<String> {
    const STRICT: u8 = 1;
    // The larger one counts; 2 is less strict than 1.
    let values = ["all", interface].map(|name| {
        let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
        fs::read_to_string(path).ok()?.trim().parse().ok()
    });
    (values.into_iter().flatten().max() == Some(STRICT)).then(|| {
        format!(
            "the reverse path filter of interface {interface} is strict: the kernel drops \
             packets of trackers that it would answer through another interface \
             (net.ipv4.conf.{interface}.rp_filter=2 would let them in)"
        )
    })
}
