//! Reports on a handle, and the self-test.

use std::ffi::{c_char, c_int};
use std::net::SocketAddr;
use std::ptr;
use std::time::Duration;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_SILENT, LIVESYNC_E_SOCKET, LIVESYNC_OK};
use super::config::livesync_config_t;
use super::handle::{livesync_t, with, with_settings};
use super::nodes::livesync_node_t;
use super::out::{self, Array};
use super::read_config::Settings;
use super::stats::livesync_stats_t;
use crate::address::Allowed;
use crate::config::Config;
use crate::log::Level;
use crate::selftest::{Findings, selftest};

/// Writes the statistics of the handle since its last start.
///
/// @param handle The handle.
/// @param out Where to write the first `size` bytes of the statistics.
/// @param size The size of the struct as the caller knows it: `sizeof( livesync_stats_t )`.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if a pointer is NULL, or if `size` is less than `sizeof( size_t )`;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It takes a lock
/// for a moment.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `out` is NULL, or points
/// to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_stats(
    handle: *mut livesync_t,
    out: *mut livesync_stats_t,
    size: usize,
) -> c_int {
    if out.is_null() || size < size_of::<usize>() {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: not NULL, so valid for writing; and the same preconditions.
    unsafe {
        with(handle, |handle| {
            let mut stats = handle.stats();
            stats.size = size.min(size_of::<livesync_stats_t>());
            out::write(out.cast(), size, &stats);
            LIVESYNC_OK
        })
    }
}

/// Writes the other nodes of the cluster.
///
/// These are the nodes that were heard in the last hour, the one heard last first; none while the
/// handle is stopped. The handle remembers LIVESYNC_MAX_NODES of them; a new one replaces the one
/// that has been silent longest, first of those that have neither authenticated themselves nor
/// announced a peer.
///
/// @param handle The handle.
/// @param out The array to write to. It may be NULL if `capacity` is 0.
/// @param capacity The number of nodes that fit into `out`.
/// @param node_size The size of the struct as the caller knows it: `sizeof( livesync_node_t )`.
/// @return The number of nodes written, or a negative error:
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL, or if `capacity` is not 0 and `out` is NULL or
///   `node_size` is less than 8;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It takes a lock
/// for a moment.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `out` is NULL, or points
/// to `capacity * node_size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_nodes(
    handle: *mut livesync_t,
    out: *mut livesync_node_t,
    capacity: usize,
    node_size: usize,
) -> c_int {
    // SAFETY: the same preconditions.
    unsafe {
        let Some(mut out) = Array::new(out, capacity, node_size) else {
            return LIVESYNC_E_ARGUMENT;
        };
        with(handle, |handle| {
            for node in &handle.livesync.nodes() {
                out.push(&node.into());
            }
            out.len()
        })
    }
}

/// Writes the statistics and the nodes as text in the exposition format of Prometheus.
///
/// The text is the whole page for one handle. Every sample has the labels `group` and `interface`.
/// Text that does not fit is cut off. A zero byte ends the text in any case.
///
/// @param handle The handle.
/// @param buffer Where to write the text. It may be NULL if `capacity` is 0, to get the length.
/// @param capacity The number of bytes that fit into `buffer`.
/// @return The length of the whole text without the zero byte; if that is `capacity` or more, the
/// text was cut off. Or a negative error:
/// - LIVESYNC_E_ARGUMENT if `handle` is NULL, or if `buffer` is NULL and `capacity` is not 0;
/// - LIVESYNC_E_TRIPPED if an internal error has switched the handle off;
/// - LIVESYNC_E_FORKED in a child of the process that started the handle.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It takes a lock
/// for a moment.
/// @since 0.1.0
///
/// # Safety
/// `handle` is NULL, or is from livesync_open() and not closed yet. `buffer` is NULL, or
/// points to `capacity` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_metrics_text(
    handle: *mut livesync_t,
    buffer: *mut c_char,
    capacity: usize,
) -> c_int {
    if buffer.is_null() && capacity > 0 {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: the same preconditions.
    unsafe {
        with(handle, |handle| {
            let text = handle.livesync.metrics();
            if let Some(room) = capacity.checked_sub(1) {
                let len = text.len().min(room);
                ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), len);
                buffer.add(len).write(0);
            }
            c_int::try_from(text.len()).unwrap_or(c_int::MAX)
        })
    }
}

/// Tests whether a handle with this configuration can work on this host.
///
/// It joins the group on the interface with sockets of its own, sends a packet that every tracker
/// ignores, and listens. The callback `log` gets the findings line by line: problems as
/// LIVESYNC_LOG_ERROR, settings of this host that may cost packets as LIVESYNC_LOG_WARN, and the
/// rest, with the other trackers heard, 256 at most, as LIVESYNC_LOG_INFO: set `log_level` to that.
/// The fields `speak`, `listen` and `loopback` must be valid but make no difference, and it does
/// not read the key file. It needs no handle, and handles may run at the same time.
///
/// Success shows that the interface and the firewall of this host let multicast through. Whether
/// switches and other hosts do is shown only by hearing other trackers.
///
/// @param config The configuration.
/// @param time_ms How long to listen, in milliseconds. Minimum: 1.
/// @return LIVESYNC_OK, or
/// - LIVESYNC_E_ARGUMENT if `config` is NULL, if livesync_config_init() has not set it, or if
///   `time_ms` is 0;
/// - LIVESYNC_E_CONFIG if a field has an invalid value, or if `environment` is 1 and an environment
///   variable has an invalid name or value;
/// - LIVESYNC_E_SOCKET if a socket cannot be made, cannot join the group on the interface, or cannot
///   send to it;
/// - LIVESYNC_E_SILENT if the packet did not come back;
/// - LIVESYNC_E_TRIPPED after an internal error.
///
/// @note Any thread may call it, several at once. No signal handler may call it. It blocks for
/// `time_ms`, unless it cannot send. It calls `log` on the calling thread.
/// @since 0.1.0
///
/// # Safety
/// As for livesync_open().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_selftest(
    config: *const livesync_config_t,
    time_ms: u32,
) -> c_int {
    if time_ms == 0 {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: the same preconditions.
    let found = unsafe {
        with_settings(config, |settings| {
            let time = Duration::from_millis(time_ms.into());
            let findings = selftest(&settings.config, time)?;
            log_findings(&settings, &findings);
            Ok(findings)
        })
    };
    match found {
        Ok(findings) if findings.send_error.is_some() => LIVESYNC_E_SOCKET,
        Ok(findings) if findings.echo.is_none() => LIVESYNC_E_SILENT,
        Ok(_) => LIVESYNC_OK,
        Err(code) => code,
    }
}

/// Logs what a self-test has found.
fn log_findings(settings: &Settings, findings: &Findings) {
    let log = |level, line: String| {
        if level <= settings.config.log {
            settings.callbacks.log(level, &line);
        }
    };
    let Config {
        group,
        port,
        interface,
        ..
    } = settings.config;
    let group = SocketAddr::new(group, port);
    let place = format!("group {group} on interface {interface}");
    match (&findings.send_error, findings.echo) {
        (Some(e), _) => log(Level::Error, format!("cannot send to {place}: {e}")),
        (None, None) => log(
            Level::Error,
            format!("what we send to {place} does not come back: see whether a firewall drops it"),
        ),
        (None, Some(echo)) => log(
            Level::Info,
            format!("{place} works on this host: our packet came back after {echo:.1?}"),
        ),
    }
    for hint in &findings.hints {
        log(Level::Warn, hint.clone());
    }
    let allowed = Allowed::new(&settings.config.allow);
    for (id, address) in &findings.heard {
        let note = match (
            allowed.contains(address.ip()),
            settings.callbacks.is_allowed,
        ) {
            (false, None) => ", which is not in allow",
            _ => "",
        };
        log(
            Level::Info,
            format!("heard tracker {id} at {address}{note}"),
        );
    }
    match findings.packets_from_more {
        0 if findings.heard.is_empty() => {
            log(Level::Info, "heard no other tracker".to_owned());
        }
        0 => {}
        packets => log(
            Level::Info,
            format!("heard {packets} packets of further trackers"),
        ),
    }
}

impl livesync_t {
    fn stats(&self) -> livesync_stats_t {
        let mut out = livesync_stats_t {
            events_waiting: self.events.len() as u64,
            ..livesync_stats_t::default()
        };
        if let Some(stats) = self.livesync.stats() {
            out.fill(&stats);
        }
        if let Some(table) = &self.table {
            out.fill_table(&table.usage());
        }
        out
    }
}
