//! The configuration of a handle, as C lays it out.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use super::code::{LIVESYNC_E_ARGUMENT, LIVESYNC_OK};
use crate::config::Config;
use crate::host::callbacks::{
    Callbacks, livesync_count_torrents_fn, livesync_is_allowed_fn, livesync_is_running_fn,
    livesync_log_fn, livesync_look_up_torrent_fn, livesync_merge_torrent_fn,
    livesync_new_tracker_id_fn, livesync_packet_applied_fn, livesync_peer_fn,
    livesync_walk_torrents_fn,
};
use crate::host::memory::Limits;
use crate::types::PeerFlags;

/// What livesync_open() is told. Set it by livesync_config_init() first: later
/// versions may have more fields, at the end. The number behind a field is its default.
///
/// All callbacks may be NULL; `user` is passed to them last. After livesync_start()
/// they are called from the library's own thread, and from threads that call
/// livesync_tick() or livesync_receive(), perhaps several at once; after
/// livesync_start_polling() only by livesync_process(), livesync_tick() and
/// livesync_receive(), on the calling thread. `log` is called also by functions that
/// return an error, by the ones that start, and by livesync_selftest(). The library holds
/// no lock of its own meanwhile, so they may block and may call the library, but for
/// livesync_close() of this handle and livesync_process(). They return: no longjmp(), no
/// pthread_exit(), no exception leaves them. The thread is not cancelled meanwhile. What
/// their arguments point at is valid during the call. The library's own thread has a stack
/// of 2 MiB, of which it leaves callbacks more than half.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_config_t {
    /// The size of this struct as the caller knows it; set by livesync_config_init().
    pub size: usize,
    /// The IPv4 address of the interface to sync on, as text. It must be set; for
    /// "0.0.0.0" the kernel chooses an interface.
    pub interface: *const c_char,
    /// The multicast group, IPv4 as text. NULL: 224.0.42.5
    pub group: *const c_char,
    /// Who may speak, besides those of whom the callback is_allowed says so: addresses and
    /// networks, IPv4 or IPv6, as text, separated by white space or commas, for instance
    /// "192.0.2.1, 198.51.100.0/24, 2001:db8::/32". NULL: nobody
    pub allow: *const c_char,
    /// The port of the group, in host byte order. 9696
    pub port: u16,
    /// The multicast ttl. With 0, for which `loopback` must be 1, all stays on this host. 1
    pub ttl: u8,
    /// 1: other members on this host are reached, too; on 127.0.0.1 they always are. 0
    pub loopback: u8,
    /// 1: this handle tells what is announced to it. 0: it says nothing at all. 1
    pub speak: u8,
    /// 1: this handle hears what others tell. 0: it hears nothing, and takes no part in
    /// scrape sync. 1
    pub listen: u8,
    /// 1: IPv6 peers that others announce are wanted, too. Own ones are told in any case. 0
    pub ipv6: u8,
    /// 1: the handle takes part in scrape sync, if the program can: with a table, with
    /// the four callbacks for torrents, or polling without callbacks. 1
    pub scrape: u8,
    /// 1: the handle keeps a table of peers and torrents itself, for a program that has
    /// none: see livesync_peers(). No callbacks for peers and torrents may be set. 0
    pub table: u8,
    /// 1: the LIVESYNC_... environment variables win over the fields here, and one that has
    /// a name that the library does not know is an error. livesync_open() and
    /// livesync_selftest() read them, on the calling thread and never later: no other thread
    /// may call setenv(3), putenv(3) or unsetenv(3) meanwhile. 0
    pub environment: u8,
    /// The oldest announce waits so many milliseconds for its packet to fill up, up to 3600000.
    /// 100
    pub flush_ms: u32,
    /// The first beacon comes so many milliseconds after the start. 1800000
    pub first_beacon_delay_ms: u32,
    /// Milliseconds between two beacons, from 10. 60000
    pub beacon_interval_ms: u32,
    /// A tracker that has more torrents than we is asked for them when we have less than
    /// this part of them, in percent, from 0 to 100. 75
    pub inquire_percent: u32,
    /// How many scrape tell packets are sent per tenth of a second at most, from 1 to 10000.
    /// 100
    pub scrape_tell_packets: u32,
    /// How many torrents that we know better than another tracker are remembered at
    /// most, to be told back. Each takes about 30 bytes. Up to 16777216. 65536
    pub remembered_torrents: u32,
    /// Seconds until a peer that is not announced again leaves the table, from 1. 2700
    pub peer_lifetime_s: u32,
    /// Seconds until a torrent that is not announced again leaves the table, from 1. 86400
    pub torrent_lifetime_s: u32,
    /// The memory that the table may take, in bytes, of which a peer takes 250 at most and a
    /// torrent 171. When it is full, torrents leave that are known only since another tracker told
    /// of them, and then what was announced longest ago. From 4096 to 10^12. 67108864
    pub table_bytes: u64,
    /// What is logged: LIVESYNC_LOG_... and what is more serious. LIVESYNC_LOG_WARN
    pub log_level: c_int,
    /// Yours: what callbacks are passed last. NULL
    pub user: *mut c_void,
    /// Where log lines go. NULL: to standard error. Nothing waits for that: a line that it
    /// does not take at once is lost, and counted in log_lines_dropped. Its flags stay as they
    /// are, and no SIGPIPE comes of it
    pub log: livesync_log_fn,
    /// NULL: the program is up until it says otherwise by livesync_stop().
    pub is_running: livesync_is_running_fn,
    /// NULL: only those of `allow` may speak.
    pub is_allowed: livesync_is_allowed_fn,
    /// A peer announced itself to another tracker. Do not announce it again. With
    /// LIVESYNC_PEER_COMPLETED it has just finished: count a download, as for a client of
    /// your own.
    pub add_peer: livesync_peer_fn,
    /// A peer said goodbye to another tracker.
    pub remove_peer: livesync_peer_fn,
    pub packet_applied: livesync_packet_applied_fn,
    pub new_tracker_id: livesync_new_tracker_id_fn,
    /// This and the three below are for scrape sync: all four, or none. They may read the
    /// torrents of one bucket, that is: whatever one lock covers, at a time.
    pub count_torrents: livesync_count_torrents_fn,
    pub walk_torrents: livesync_walk_torrents_fn,
    pub look_up_torrent: livesync_look_up_torrent_fn,
    pub merge_torrent: livesync_merge_torrent_fn,
    /// The path of a file with the key of the cluster, a line of 64 hexadecimal digits; or
    /// with two, of which the first is for what this handle sends, and either will do for
    /// what others send. The file belongs to this user, with the mode 0600 or less, or to
    /// root, with 0640 or less. It is read by livesync_open(), and not again. NULL: there is
    /// no key, and whoever may speak is believed
    pub key_file: *const c_char,
    /// The name of the cluster, 1 to 255 bytes of UTF-8. Trackers with the same key and
    /// different names do not believe each other. NULL: "livesync"
    pub cluster: *const c_char,
    /// With a key: how many seconds the clocks of two trackers may be apart, from 1 to 3600.
    /// What seems to be older or newer is dropped. 30
    pub max_skew_s: u32,
    /// 1: what others have lost is sent again, and they are asked for what was lost here.
    /// 0: packets are as they ever were. 1
    pub repair: u8,
    /// With a key: what becomes of packets that do not prove to come from the cluster,
    /// LIVESYNC_AUTH_... They are counted in any case. LIVESYNC_AUTH_REQUIRE
    pub auth: u8,
    /// How many bytes of packets that were sent are kept for those who have lost them, for 10
    /// seconds at most; each takes 128 more than its own. What was heard is remembered in
    /// proportion where this is more than by default. From 65536 to 268435456. 8388608
    pub repair_window: u64,
}

/// Packets that do not prove to come from the cluster are dropped.
pub const LIVESYNC_AUTH_REQUIRE: u8 = 0;
/// They are used, too: for the time in which a cluster that runs is given its first key.
pub const LIVESYNC_AUTH_ACCEPT: u8 = 1;

/// Nothing is logged.
pub const LIVESYNC_LOG_OFF: c_int = 0;
/// Sync does not work.
pub const LIVESYNC_LOG_ERROR: c_int = 1;
/// Sync works, but an operator should look.
pub const LIVESYNC_LOG_WARN: c_int = 2;
/// What happens once in a while: start, stop.
pub const LIVESYNC_LOG_INFO: c_int = 3;
/// What happens all the time.
pub const LIVESYNC_LOG_DEBUG: c_int = 4;

/// The peer has everything.
pub const LIVESYNC_PEER_SEEDING: u8 = 0x80;
/// The peer has just finished its download.
pub const LIVESYNC_PEER_COMPLETED: u8 = 0x40;
/// The peer has left the swarm.
pub const LIVESYNC_PEER_STOPPED: u8 = 0x20;

const _: () = {
    assert!(LIVESYNC_PEER_SEEDING == PeerFlags::SEEDING.0);
    assert!(LIVESYNC_PEER_COMPLETED == PeerFlags::COMPLETED.0);
    assert!(LIVESYNC_PEER_STOPPED == PeerFlags::STOPPED.0);
};

/// The least that a configuration must have: up to the interface.
const LEAST: usize = std::mem::offset_of!(livesync_config_t, group);

/// Sets the first `size` bytes of a configuration to the defaults.
///
/// # Safety
/// `config` is either NULL, or valid for writing `size` bytes.
pub(super) unsafe fn init(config: *mut livesync_config_t, size: usize) -> c_int {
    if config.is_null() || !is_a_size(size) {
        return LIVESYNC_E_ARGUMENT;
    }
    let defaults = livesync_config_t { size, ..defaults() };
    let known = size.min(size_of::<livesync_config_t>());
    // SAFETY: valid for `size` bytes; those that we do not know of are zeroed.
    unsafe {
        ptr::write_bytes(config.cast::<u8>(), 0, size);
        ptr::copy_nonoverlapping((&raw const defaults).cast::<u8>(), config.cast(), known);
    }
    LIVESYNC_OK
}

/// A whole configuration: what the caller's lacks is as by default.
///
/// # Safety
/// `config` is either NULL, or valid for reading as many bytes as its size says.
pub(super) unsafe fn read(config: *const livesync_config_t) -> Option<livesync_config_t> {
    if config.is_null() {
        return None;
    }
    // SAFETY: not NULL, so it begins with its size.
    let size = unsafe { (&raw const (*config).size).read() };
    if !is_a_size(size) {
        return None;
    }
    let mut whole = defaults();
    let known = size.min(size_of::<livesync_config_t>());
    // SAFETY: both are valid for so many bytes; any bytes that a caller of C can put
    // there are a configuration.
    unsafe {
        ptr::copy_nonoverlapping(config.cast::<u8>(), (&raw mut whole).cast(), known);
    }
    Some(whole)
}

/// Whether some version of the struct can have this size. No C compiler ends a struct in
/// the midst of a pointer.
fn is_a_size(size: usize) -> bool {
    size >= LEAST && size.is_multiple_of(align_of::<livesync_config_t>())
}

fn defaults() -> livesync_config_t {
    let config = Config::default();
    let limits = Limits::default();
    livesync_config_t {
        size: size_of::<livesync_config_t>(),
        interface: ptr::null(),
        group: ptr::null(),
        allow: ptr::null(),
        port: config.port,
        ttl: config.ttl,
        loopback: config.loopback.into(),
        speak: config.speak.into(),
        listen: config.listen.into(),
        ipv6: 0,
        scrape: config.scrape.into(),
        table: 0,
        environment: 0,
        flush_ms: number(config.flush_after.as_millis()),
        first_beacon_delay_ms: number(config.first_beacon_delay.as_millis()),
        beacon_interval_ms: number(config.beacon_interval.as_millis()),
        inquire_percent: (config.inquire_threshold * 100.0).round() as u32,
        scrape_tell_packets: config.scrape_tell_packets,
        remembered_torrents: number(config.remembered_torrents as u128),
        peer_lifetime_s: number(limits.peer_lifetime.as_secs().into()),
        torrent_lifetime_s: number(limits.torrent_lifetime.as_secs().into()),
        table_bytes: limits.bytes,
        log_level: config.log as c_int,
        user: ptr::null_mut(),
        log: None,
        is_running: None,
        is_allowed: None,
        add_peer: None,
        remove_peer: None,
        packet_applied: None,
        new_tracker_id: None,
        count_torrents: None,
        walk_torrents: None,
        look_up_torrent: None,
        merge_torrent: None,
        key_file: ptr::null(),
        cluster: ptr::null(),
        max_skew_s: number(config.max_skew.as_secs().into()),
        repair: config.repair.into(),
        auth: LIVESYNC_AUTH_REQUIRE,
        repair_window: config.repair_window as u64,
    }
}

fn number(number: u128) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl livesync_config_t {
    pub(super) fn callbacks(&self) -> Callbacks {
        Callbacks {
            user: self.user,
            is_running: self.is_running,
            is_allowed: self.is_allowed,
            add_peer: self.add_peer,
            remove_peer: self.remove_peer,
            packet_applied: self.packet_applied,
            new_tracker_id: self.new_tracker_id,
            log: self.log,
            count_torrents: self.count_torrents,
            walk_torrents: self.walk_torrents,
            look_up_torrent: self.look_up_torrent,
            merge_torrent: self.merge_torrent,
        }
    }
}
