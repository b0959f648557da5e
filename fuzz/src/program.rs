//! A program that calls the functions of livesync.h.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "the same for all calls: see `call`"
)]

use std::ffi::{CStr, c_int};
use std::os::fd::AsRawFd;
use std::{mem, ptr};

use libfuzzer_sys::arbitrary::{self, Arbitrary};

use crate::arguments::{Draft, LONGEST, Odd, Out};
use crate::callbacks::{Host, torrent};
use crate::header::*;
use crate::packets::PACKETS;
use crate::peers::AnnounceSeed;
use crate::world::{PORT, WORLD, send};

/// The id that the recorded packets address.
const TARGET: u32 = u32::from_ne_bytes([1, 2, 3, 4]);

/// A call of the library, or an event between two calls.
#[derive(Arbitrary, Debug)]
pub enum Call<'a> {
    StartPolling(Odd<u32>),
    Announce {
        hash: bool,
        peer: bool,
        seed: AnnounceSeed,
    },
    Tick,
    Receive {
        fd: Odd<i8>,
    },
    Stop,
    Fd,
    NextTimeout,
    Process,
    PollEvents {
        capacity: u8,
        size: Odd<u8>,
        out: bool,
    },
    AnswerCount(u64),
    AnswerWalk {
        count: u8,
        torrents: bool,
        next: Option<(u32, u32, u8)>,
    },
    AnswerLookUp(Option<u8>),
    AnswerMerge {
        hash: Option<u8>,
        merged: i8,
    },
    Stats {
        size: Odd<u16>,
        out: bool,
    },
    Nodes {
        capacity: u8,
        size: Odd<u8>,
        out: bool,
    },
    Metrics {
        capacity: u16,
        out: bool,
    },
    Peers {
        hash: Option<u8>,
        capacity: u8,
        out: bool,
    },
    Counts {
        hash: Option<u8>,
        size: Odd<u8>,
        out: bool,
    },
    Constants(i32),
    Init {
        size: u16,
        out: bool,
    },
    WithoutHandle,
    SelfTest {
        config: Draft<'a>,
        listens: Odd<()>,
    },
    Close,
    /// Sends a packet to the group, or to the socket for livesync_receive().
    Send {
        group: bool,
        recorded: u8,
        bytes: Option<&'a [u8]>,
    },
}

/// A program that uses the library.
pub struct Program<'a> {
    host: &'a Host,
    handle: Handle,
}

impl<'a> Program<'a> {
    pub fn open(host: &'a Host, draft: &Draft<'_>) -> Self {
        let mut handle = ptr::null_mut();
        let mut config = draft.config(defaults(), *PORT, &WORLD.key_file, host);
        // SAFETY: as the header says: the configuration has as much room as its size says.
        let opened = unsafe { livesync_open(config.as_mut_ptr(), &mut handle) };
        assert_eq!(opened == OK, !handle.is_null());
        host.handle.set(handle);
        Self { host, handle }
    }

    /// SAFETY of all calls: pointers are NULL, or to as much memory as the call says, and the
    /// handle is NULL or open.
    pub fn call(&mut self, call: &Call<'_>) -> c_int {
        let handle = self.handle;
        match *call {
            Call::StartPolling(ref id) => unsafe { livesync_start_polling(handle, id.or(TARGET)) },
            Call::Announce { hash, peer, seed } => {
                let announce = seed.announce(0);
                let raw = raw_peer(&announce.peer);
                let hash = if hash {
                    announce.info_hash.0.as_ptr()
                } else {
                    ptr::null()
                };
                let peer = if peer { &raw } else { ptr::null() };
                unsafe {
                    match raw.port % 2 {
                        0 => livesync_announce(handle, hash, peer),
                        _ => livesync_try_announce(handle, hash, peer),
                    }
                }
            }
            Call::Tick => unsafe { livesync_tick(handle) },
            Call::Receive { ref fd } => {
                // None of these numbers is an open descriptor: they are negative or too high.
                let fd = match fd.or(0) {
                    0 => WORLD.inbox.as_raw_fd(),
                    odd if odd < 0 => odd.into(),
                    odd => c_int::MAX - c_int::from(odd),
                };
                unsafe { livesync_receive(handle, fd) }
            }
            Call::Stop => unsafe { livesync_stop(handle) },
            Call::Fd => unsafe { livesync_fd(handle) },
            Call::NextTimeout => unsafe { livesync_next_timeout_ms(handle) },
            Call::Process => unsafe { livesync_process(handle) },
            Call::PollEvents {
                capacity,
                ref size,
                out,
            } => {
                let size = size.or(size_of::<livesync_event_t>() as u8).into();
                elements(out, capacity, size, |out, capacity, size| unsafe {
                    livesync_poll_events(handle, out, capacity, size)
                })
            }
            Call::AnswerCount(torrents) => unsafe { livesync_answer_count(handle, torrents) },
            Call::AnswerWalk {
                count,
                torrents,
                next,
            } => {
                let all: Vec<_> = (0..count).map(torrent).collect();
                let torrents = if torrents { all.as_ptr() } else { ptr::null() };
                let next = next.map(|(bucket, place, after)| livesync_cursor_t {
                    bucket,
                    place,
                    after: [after; 20],
                });
                let next = next.as_ref().map_or(ptr::null(), ptr::from_ref);
                unsafe { livesync_answer_walk(handle, torrents, all.len(), next) }
            }
            Call::AnswerLookUp(number) => {
                let torrent = number.map(torrent);
                let torrent = torrent.as_ref().map_or(ptr::null(), ptr::from_ref);
                unsafe { livesync_answer_look_up(handle, torrent) }
            }
            Call::AnswerMerge { hash, merged } => with_hash(hash, |hash| unsafe {
                livesync_answer_merge(handle, hash, merged.into())
            }),
            Call::Stats { ref size, out } => {
                let size = usize::from(size.or(512)) % LONGEST;
                elements(out, 1, size, |out, _, size| unsafe {
                    livesync_stats(handle, out, size)
                })
            }
            Call::Nodes {
                capacity,
                ref size,
                out,
            } => elements(
                out,
                capacity,
                size.or(64).into(),
                |out, capacity, size| unsafe { livesync_nodes(handle, out, capacity, size) },
            ),
            Call::Metrics { capacity, out } => {
                elements(out, 1, capacity.into(), |out, _, capacity| unsafe {
                    livesync_metrics_text(handle, out.cast(), capacity)
                })
            }
            Call::Peers {
                hash,
                capacity,
                out,
            } => with_hash(hash, |hash| {
                let size = size_of::<livesync_peer_t>();
                elements(out, capacity, size, |out, capacity, _| unsafe {
                    livesync_peers(handle, hash, out.cast(), capacity)
                })
            }),
            Call::Counts {
                hash,
                ref size,
                out,
            } => with_hash(hash, |hash| {
                elements(out, 1, size.or(32).into(), |out, _, size| unsafe {
                    livesync_counts(handle, hash, out, size)
                })
            }),
            Call::Constants(error) => {
                // SAFETY: the text is never NULL.
                let text = unsafe { CStr::from_ptr(livesync_strerror(error)) };
                assert!(!text.is_empty());
                unsafe { (livesync_version() + livesync_features() as u32) as c_int }
            }
            Call::Init { size, out } => {
                let size = usize::from(size) % LONGEST;
                elements(out, 1, size, |out, _, size| unsafe {
                    livesync_config_init(out.cast(), size)
                })
            }
            Call::WithoutHandle => {
                let handle = mem::replace(&mut self.handle, ptr::null_mut());
                unsafe {
                    assert_eq!(livesync_start(self.handle, TARGET), E_ARGUMENT);
                    assert_eq!(livesync_open(ptr::null(), &mut self.handle), E_ARGUMENT);
                    assert_eq!(livesync_selftest(ptr::null(), 1), E_ARGUMENT);
                    assert_eq!(livesync_process(self.handle), E_ARGUMENT);
                    assert_eq!(livesync_close(self.handle), OK);
                }
                self.handle = handle;
                OK
            }
            Call::SelfTest {
                ref config,
                ref listens,
            } => {
                let mut config = config.config(defaults(), *PORT, &WORLD.key_file, self.host);
                let time = listens.or_none().map_or(0, |()| 1);
                let found = unsafe { livesync_selftest(config.as_mut_ptr(), time) };
                assert!(found >= E_SILENT);
                found
            }
            Call::Close => {
                self.close();
                OK
            }
            Call::Send {
                group,
                recorded,
                bytes,
            } => {
                let recorded = &PACKETS[usize::from(recorded) % PACKETS.len()];
                send(group, bytes.unwrap_or(recorded));
                OK
            }
        }
    }

    pub fn close(&mut self) {
        let handle = mem::replace(&mut self.handle, ptr::null_mut());
        self.host.handle.set(ptr::null_mut());
        // SAFETY: the handle is open, and no call uses it any more.
        assert_eq!(unsafe { livesync_close(handle) }, OK);
    }
}

fn defaults() -> livesync_config_t {
    let mut config = mem::MaybeUninit::uninit();
    // SAFETY: the memory is as large as it says, and is initialized afterwards.
    unsafe {
        assert_eq!(
            livesync_config_init(config.as_mut_ptr(), size_of::<livesync_config_t>()),
            OK
        );
        config.assume_init()
    }
}

/// Returns an array of elements of this size for the library to fill; or NULL.
fn elements(
    out: bool,
    capacity: u8,
    size: usize,
    call: impl FnOnce(*mut u8, usize, usize) -> c_int,
) -> c_int {
    if !out {
        return call(ptr::null_mut(), capacity.into(), size);
    }
    let mut room = Out::new(size * usize::from(capacity));
    call(room.as_mut_ptr(), capacity.into(), size)
}

fn with_hash(hash: Option<u8>, call: impl FnOnce(*const u8) -> c_int) -> c_int {
    let hash = hash.map(|byte| [byte; 20]);
    call(hash.as_ref().map_or(ptr::null(), |hash| hash.as_ptr()))
}

fn raw_peer(peer: &livesync::Peer) -> livesync_peer_t {
    let ip = match peer.ip {
        std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        std::net::IpAddr::V6(ip) => ip,
    };
    livesync_peer_t {
        ip: ip.octets(),
        port: peer.port,
        flags: peer.flags.0,
        reserved: 0,
    }
}
