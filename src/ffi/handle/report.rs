//! What a handle has done and heard, and whether it can work at all.

use std::ffi::{c_char, c_int};
use std::net::SocketAddr;
use std::ptr;
use std::time::Duration;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_SILENT, LIVESYNC_E_SOCKET, LIVESYNC_OK};
use super::config::livesync_config_t;
use super::handle::{livesync_t, with, with_settings};
use super::out::{self, Array};
use super::read_config::Settings;
use super::stats::{livesync_node_t, livesync_stats_t};
use crate::address::Allowed;
use crate::config::Config;
use crate::log::Level;
use crate::selftest::{Findings, selftest};

/// What the handle has done since it was started last: writes the first `size` bytes of the statistics to
/// `out`; `size` is sizeof( livesync_stats_t ) as the caller knows it. It takes a lock for a
/// moment, and may be called at any time from any thread.
///
/// Returns LIVESYNC_OK or a negative error.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `out` is either
/// NULL, or valid for writing `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_stats(
    handle: *mut livesync_t,
    out: *mut livesync_stats_t,
    size: usize,
) -> c_int {
    if out.is_null() || size < size_of::<usize>() {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: not NULL, so valid for writing; and as this function's contract says.
    unsafe {
        with(handle, |handle| {
            let mut stats = handle.stats();
            stats.size = size.min(size_of::<livesync_stats_t>());
            out::write(out.cast(), size, &stats);
            LIVESYNC_OK
        })
    }
}

/// The trackers that were heard in the last hour, the one heard last first; none while the
/// handle is stopped. At most `capacity` of
/// them, each `node_size` bytes long, which is sizeof( livesync_node_t ) as the caller knows
/// it. LIVESYNC_MAX_NODES are known at most; the longest silent one makes room.
///
/// Returns how many were written to `out`, or a negative error.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `out` is either
/// NULL, or valid for writing `capacity * node_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_nodes(
    handle: *mut livesync_t,
    out: *mut livesync_node_t,
    capacity: usize,
    node_size: usize,
) -> c_int {
    // SAFETY: as this function's contract says.
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

/// The statistics and the nodes as text in the exposition format of Prometheus, ending
/// with a zero byte, also when it is cut: a whole page for one handle. Every sample has the labels `group` and
/// `interface`. What does not fit into `capacity` bytes is cut off. `buffer` may be
/// NULL with a `capacity` of 0, to ask for the length.
///
/// Returns the length of the whole text without the zero byte: if that is `capacity` or
/// more, call again with more. Or a negative error.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `buffer` is
/// either NULL, or valid for writing `capacity` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_metrics_text(
    handle: *mut livesync_t,
    buffer: *mut c_char,
    capacity: usize,
) -> c_int {
    if buffer.is_null() && capacity > 0 {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: as this function's contract says.
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

/// Tries whether a handle with this configuration could work: joins the group on the
/// interface with sockets of its own, sends a packet that every tracker ignores, and
/// listens for `time_ms` milliseconds, in which it blocks. What it finds, and which other
/// trackers it hears, 256 at most, is told to the callback `log` line by line: as
/// LIVESYNC_LOG_INFO, so set log_level to that; settings of this host by which packets may
/// get lost as LIVESYNC_LOG_WARN, and what is wrong as LIVESYNC_LOG_ERROR. `config.speak`,
/// `listen` and `loopback` make no difference. It needs no handle; others may run meanwhile.
///
/// That it succeeds shows that the interface, the group and this host's own firewall let
/// multicast through. What switches and other hosts do with it shows when those are heard.
///
/// Returns LIVESYNC_OK; LIVESYNC_E_SILENT if the packet was not heard, LIVESYNC_E_SOCKET if
/// it could not be sent; or the error that livesync_open() would return.
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
    // SAFETY: as this function's contract says.
    let found = unsafe {
        with_settings(config, |settings| {
            let time = Duration::from_millis(time_ms.into());
            let findings = selftest(&settings.config, time)?;
            say(&settings, &findings);
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

/// Says what a self-test has found.
fn say(settings: &Settings, findings: &Findings) {
    let say = |level, line: String| {
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
        (Some(e), _) => say(Level::Error, format!("cannot send to {place}: {e}")),
        (None, None) => say(
            Level::Error,
            format!("what we send to {place} does not come back: does a firewall drop it?"),
        ),
        (None, Some(echo)) => say(
            Level::Info,
            format!("{place} works on this host: heard ourselves after {echo:.1?}"),
        ),
    }
    for hint in &findings.hints {
        say(Level::Warn, hint.clone());
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
        say(
            Level::Info,
            format!("heard tracker {id} at {address}{note}"),
        );
    }
    match findings.packets_from_more {
        0 if findings.heard.is_empty() => {
            say(Level::Info, "heard no other tracker meanwhile".to_owned());
        }
        0 => {}
        packets => say(
            Level::Info,
            format!("heard {packets} packets of yet other trackers"),
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
