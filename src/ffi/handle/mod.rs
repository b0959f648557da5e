//! The functions of `livesync.h`: a handle for any host.

mod code;
mod config;

use std::ffi::{c_char, c_int};
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use self::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_E_STATE, LIVESYNC_E_TRIPPED, LIVESYNC_OK};
use self::config::{Settings, livesync_config_t};
use crate::engine::Engine;
use crate::error::SetupError;
use crate::host::Host;
use crate::host::callbacks::{CallbackHost, livesync_peer_t};
use crate::log::Level;
use crate::net::with_errno_kept;
use crate::types::{InfoHash, TrackerId};

/// A member of a cluster.
#[allow(non_camel_case_types)]
pub struct livesync_t {
    engine: Arc<Engine>,
}

/// The version of the library: 0x00MMmmpp for major, minor, patch.
#[unsafe(no_mangle)]
pub extern "C" fn livesync_version() -> u32 {
    const fn number(text: &str) -> u32 {
        let (bytes, mut i, mut number) = (text.as_bytes(), 0, 0);
        while i < bytes.len() {
            number = number * 10 + (bytes[i] - b'0') as u32;
            i += 1;
        }
        number
    }
    const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | number(env!("CARGO_PKG_VERSION_PATCH"));
    VERSION
}

/// What an error number means, in English. Never NULL; the text is constant.
#[unsafe(no_mangle)]
pub extern "C" fn livesync_strerror(error: c_int) -> *const c_char {
    code::text(error).as_ptr()
}

/// Sets `config` to the defaults, and its size to `size`, which is
/// sizeof( livesync_config_t ) as the caller knows it.
///
/// Returns LIVESYNC_OK, or LIVESYNC_E_ARGUMENT.
///
/// # Safety
/// `config` is either NULL, or valid for writing `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_config_init(
    config: *mut livesync_config_t,
    size: usize,
) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe { config::init(config, size) }
}

/// Joins the group on the interface, as `config` says, and makes a handle of it.
/// Nothing is sent or received yet. `config` is copied, with its strings.
///
/// Returns LIVESYNC_OK and stores the handle to `out`, to be given back to
/// livesync_close(); or an error, and nothing is left open. What is wrong is told to
/// the callback `log`.
///
/// # Safety
/// `config` is either NULL, or what livesync_config_init() has set and the caller has
/// changed since: strings are NULL or end with a zero byte, callbacks take the
/// arguments that are declared, from any thread. `out` is either NULL, or valid for
/// writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_open(
    config: *const livesync_config_t,
    out: *mut *mut livesync_t,
) -> c_int {
    if out.is_null() {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: as this function's contract says.
    let Some(config) = (unsafe { config::read(config) }) else {
        return LIVESYNC_E_ARGUMENT;
    };
    let opened = catch_unwind(|| {
        let host = CallbackHost::new(config.callbacks, config.ipv6 != 0);
        // SAFETY: as this function's contract says.
        let settings = unsafe { Settings::of(&config) };
        let opened = settings.and_then(|settings| open(host, settings));
        if let Err(e) = &opened
            && config.log_level >= config::LIVESYNC_LOG_ERROR
        {
            CallbackHost::new(config.callbacks, false).log(Level::Error, &e.to_string());
        }
        opened.map_err(|e| code::of(&e))
    });
    match opened {
        Ok(Ok(handle)) => {
            // SAFETY: not NULL, so valid for writing.
            unsafe { out.write(Box::into_raw(Box::new(handle))) };
            LIVESYNC_OK
        }
        Ok(Err(code)) => code,
        Err(_) => LIVESYNC_E_TRIPPED,
    }
}

fn open(host: CallbackHost, settings: Settings) -> Result<livesync_t, SetupError> {
    let Settings {
        config,
        interface,
        port,
    } = settings;
    let engine = Arc::new(Engine::new(Box::new(host))?);
    engine.bind(config, interface, port)?;
    Ok(livesync_t { engine })
}

/// Starts to sync as tracker `tracker_id`, any number that no other tracker of the
/// cluster has, best drawn at random. A thread is started, from which callbacks come.
///
/// After livesync_stop() it starts again.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_start(handle: *mut livesync_t, tracker_id: u32) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |engine| {
            match engine.start(TrackerId::from_host(tracker_id)) {
                Ok(()) => LIVESYNC_OK,
                Err(e) => {
                    engine.log(Level::Error, format_args!("{e}"));
                    code::of(&e)
                }
            }
        })
    }
}

/// Tells the others of an announce of a client. Both arguments are copied. It may be
/// called from any thread, with locks held that the callbacks take. It does not block,
/// and calls nothing back.
///
/// From inside of a callback it does nothing: the cluster knows already.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet; `info_hash` is
/// either NULL, or valid for reading 20 bytes; `peer` is either NULL, or valid for
/// reading.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_announce(
    handle: *mut livesync_t,
    info_hash: *const u8,
    peer: *const livesync_peer_t,
) -> c_int {
    if info_hash.is_null() || peer.is_null() {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: neither is NULL, so both are valid; both are plain bytes.
    let (info_hash, peer) = unsafe { (info_hash.cast::<[u8; 20]>().read(), peer.read()) };
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |engine| {
            engine.tell(InfoHash(info_hash), peer.into());
            LIVESYNC_OK
        })
    }
}

/// Does what is due, on this thread. The library's own thread does the same on time.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_tick(handle: *mut livesync_t) -> c_int {
    // SAFETY: as this function's contract says.
    unsafe {
        with(handle, |engine| {
            engine.tick();
            LIVESYNC_OK
        })
    }
}

/// Receives what waits at a socket of the caller's, and applies it on this thread,
/// without blocking.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_receive(handle: *mut livesync_t, fd: c_int) -> c_int {
    if fd < 0 {
        return LIVESYNC_E_ARGUMENT;
    }
    // SAFETY: not negative; the caller has it open during the call, and if not the
    // kernel says so. And as this function's contract says.
    unsafe {
        let fd = BorrowedFd::borrow_raw(fd);
        with(handle, |engine| {
            engine.receive_from(fd);
            LIVESYNC_OK
        })
    }
}

/// Stops to sync. No callback begins after it has returned, but one that takes long
/// may still go on. What was announced and not sent yet is sent.
///
/// It returns within 200 ms and takes neither locks nor memory, so it may be called
/// from a signal handler that interrupted any code.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_stop(handle: *mut livesync_t) -> c_int {
    // SAFETY: either NULL or valid.
    let Some(handle) = (unsafe { handle.as_ref() }) else {
        return LIVESYNC_E_ARGUMENT;
    };
    with_errno_kept(|| handle.engine.stop());
    LIVESYNC_OK
}

/// Stops to sync, waits until no callback runs, and gives everything back. It must not
/// be called from inside of a callback: then it returns LIVESYNC_E_STATE and does
/// nothing. NULL is closed already.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet, and no other
/// thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn livesync_close(handle: *mut livesync_t) -> c_int {
    if handle.is_null() {
        return LIVESYNC_OK;
    }
    // SAFETY: not NULL, so valid.
    let engine = unsafe { &(*handle).engine };
    if engine.is_delivering_here() {
        return LIVESYNC_E_STATE;
    }
    engine.close();
    // SAFETY: it came from Box::into_raw, and nobody uses it any more.
    drop(unsafe { Box::from_raw(handle) });
    LIVESYNC_OK
}

/// Runs `body` on the engine of a handle; no panic gets past it.
///
/// # Safety
/// `handle` is either NULL, or from livesync_open() and not closed yet.
unsafe fn with(handle: *mut livesync_t, body: impl FnOnce(&Arc<Engine>) -> c_int) -> c_int {
    // SAFETY: as this function's contract says.
    let Some(handle) = (unsafe { handle.as_ref() }) else {
        return LIVESYNC_E_ARGUMENT;
    };
    if handle.engine.is_tripped() {
        return LIVESYNC_E_TRIPPED;
    }
    catch_unwind(AssertUnwindSafe(|| body(&handle.engine))).unwrap_or_else(|_| {
        handle.engine.trip("a call of the host panicked");
        LIVESYNC_E_TRIPPED
    })
}
