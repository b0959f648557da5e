//! The configuration of a handle, as a C struct.

use std::ffi::{c_char, c_int, c_void};

use crate::host::callbacks::{
    Callbacks, livesync_count_torrents_fn, livesync_is_allowed_fn, livesync_is_running_fn,
    livesync_log_fn, livesync_look_up_torrent_fn, livesync_merge_torrent_fn,
    livesync_new_tracker_id_fn, livesync_packet_applied_fn, livesync_peer_fn,
    livesync_walk_torrents_fn,
};
use crate::types::PeerFlags;

/// The configuration for livesync_open().
///
/// Set it by livesync_config_init() first: later versions may add fields at the end.
///
/// Every callback may be NULL. A handle from livesync_start() calls callbacks from the library's
/// own thread and from threads that call livesync_tick() or livesync_receive(), maybe several at
/// once. A handle from livesync_start_polling() calls them only from inside livesync_process(),
/// livesync_tick() and livesync_receive(). Functions that return an error, that start or close a
/// handle, livesync_answer_walk() and livesync_selftest() may call `log` as well.
///
/// The library holds no lock during a callback that another thread could wait for, so a callback
/// may block and may call the library, except livesync_close() of this handle and
/// livesync_process(). While `log` is called by a function that starts the handle, another start of
/// it returns LIVESYNC_E_STATE. It must return: no longjmp(), no pthread_exit() and no C++
/// exception may leave it. The thread is not cancelled during a callback. Pointers that a callback
/// gets are valid until it returns. The library's own thread has a stack of 2 MiB and leaves
/// callbacks more than half of it.
///
/// @since 0.1.0
#[allow(non_camel_case_types)]
#[derive(Clone, Copy)]
#[repr(C)]
pub struct livesync_config_t {
    /// The size of this struct as the caller knows it, set by livesync_config_init().
    pub size: usize,
    /// The IPv4 address of the interface to sync on, as text. It must be set. With "0.0.0.0" the
    /// kernel chooses an interface. Default: NULL, which is invalid.
    pub interface: *const c_char,
    /// The IPv4 address of the multicast group, as text. Default: NULL, which is "224.0.42.5".
    pub group: *const c_char,
    /// The sources that are allowed in addition to those that the callback `is_allowed` accepts:
    /// addresses and networks, IPv4 or IPv6, as text, separated by white space or commas, for
    /// instance "192.0.2.1, 198.51.100.0/24, 2001:db8::/32". Default: NULL, which is none.
    pub allow: *const c_char,
    /// The UDP port of the group, in host byte order. Default: 9696. Minimum: 1.
    pub port: u16,
    /// The multicast TTL of packets sent. With 0, which needs a `loopback` of 1 or a `speak` of 0,
    /// packets stay on this host. Default: 1.
    pub ttl: u8,
    /// 1: other nodes on this host receive what this handle sends. 0: only other hosts do, except
    /// on 127.0.0.1, where nodes always receive each other. Default: 0.
    pub loopback: u8,
    /// 1: the handle sends. 0: it only listens and sends nothing at all. Default: 1.
    pub speak: u8,
    /// 1: the handle listens. 0: it only sends, hears nothing, and takes no part in scrape sync; that
    /// needs a `speak` of 1. Default: 1.
    pub listen: u8,
    /// 1: the handle hands out the IPv6 peers of other trackers. 0: it drops them. It sends the IPv6
    /// peers of the application in either case. Default: 0.
    pub ipv6: u8,
    /// 1: the handle takes part in scrape sync if the application can: with a table, with the four
    /// callbacks for torrents, or by events after livesync_start_polling(). 0: it does not.
    /// Default: 1.
    pub scrape: u8,
    /// 1: the handle has a table of peers and torrents itself, for an application without one: see
    /// livesync_peers(). Then the callbacks for peers and torrents must be NULL. 0: it has none.
    /// Default: 0.
    pub table: u8,
    /// 1: the LIVESYNC_... environment variables override fields of this struct, and a variable with
    /// an unknown name is an error. livesync_open() and livesync_selftest() read them on the calling
    /// thread, and no other function reads them; meanwhile no other thread may call setenv(3),
    /// putenv(3) or unsetenv(3). 0: the environment is ignored. Default: 0.
    pub environment: u8,
    /// How long the oldest announce waits for its packet to fill up, in milliseconds.
    /// Default: 100. Maximum: 3600000.
    pub flush_ms: u32,
    /// The time from the start to the first beacon, in milliseconds. Default: 1800000.
    pub first_beacon_delay_ms: u32,
    /// The time between two beacons, in milliseconds. Default: 60000. Minimum: 10.
    pub beacon_interval_ms: u32,
    /// The handle asks another tracker for its torrents if it has less than this percentage of
    /// them. Default: 75. Maximum: 100.
    pub inquire_percent: u32,
    /// The number of scrape tell packets sent per 100 ms at most.
    /// Default: 100. Minimum: 1. Maximum: 10000.
    pub scrape_tell_packets: u32,
    /// How many torrents are remembered, at most, in order to be sent back: those received with a
    /// smaller count than the application's. Each takes about 30 bytes. Default: 65536. Maximum:
    /// 16777216.
    pub remembered_torrents: u32,
    /// The time after which a peer leaves the table if it is not announced again, in seconds.
    /// Default: 2700. Minimum: 1.
    pub peer_lifetime_s: u32,
    /// The time after which a torrent leaves the table if it is not announced again, in seconds; it
    /// does not leave before its peers. Default: 86400. Minimum: 1.
    pub torrent_lifetime_s: u32,
    /// The memory for the table, in bytes; a peer takes 250 at most, a torrent 171, and 99 more
    /// while it has peers. From a full table those torrents are removed first that are known only
    /// from scrape tells, and then what was announced longest ago. Default: 67108864. Minimum:
    /// 4096. Maximum: 1000000000000.
    pub table_bytes: u64,
    /// The least serious level that is logged: LIVESYNC_LOG_... Default: LIVESYNC_LOG_WARN.
    pub log_level: c_int,
    /// The last argument of every callback. The library does not use it. Default: NULL.
    pub user: *mut c_void,
    /// Takes the lines of the log. Default: NULL, which writes them to standard error, but never waits
    /// for it: a line that it does not take at once is dropped and counted in `log_lines_dropped`.
    /// The flags of standard error stay as they are, and writing raises no SIGPIPE.
    pub log: livesync_log_fn,
    /// Says whether the application is up. Default: NULL, which means up until livesync_stop().
    pub is_running: livesync_is_running_fn,
    /// Says whether a source is allowed. Default: NULL, which leaves only those in `allow`.
    pub is_allowed: livesync_is_allowed_fn,
    /// Adds a peer that announced itself to another tracker. Do not announce it again. If it has the
    /// flag LIVESYNC_PEER_COMPLETED, it has just finished its download: count that, as for a client
    /// of your own. Default: NULL.
    pub add_peer: livesync_peer_fn,
    /// Removes a peer of another tracker that has left its swarm. Default: NULL.
    pub remove_peer: livesync_peer_fn,
    /// Is called when all peers of a packet have been added or removed. Default: NULL.
    pub packet_applied: livesync_packet_applied_fn,
    /// Is called when the handle has a new id, because another tracker used the old one or the
    /// clock was set back. Default: NULL.
    pub new_tracker_id: livesync_new_tracker_id_fn,
    /// Counts the torrents, for scrape sync. Set this callback and the next three, or none of them.
    /// One call of `walk_torrents` need not read beyond one bucket, that is, whatever one of your
    /// locks covers. Default: NULL.
    pub count_torrents: livesync_count_torrents_fn,
    /// Reads torrents, for scrape sync. Default: NULL.
    pub walk_torrents: livesync_walk_torrents_fn,
    /// Looks up a torrent, for scrape sync. Default: NULL.
    pub look_up_torrent: livesync_look_up_torrent_fn,
    /// Merges a torrent, for scrape sync. Default: NULL.
    pub merge_torrent: livesync_merge_torrent_fn,
    /// The path of a file with the keys of the cluster: one or two lines of 64 hexadecimal digits.
    /// The handle authenticates what it sends with the first key, and accepts either from others.
    /// The file must belong to this user with mode 0600 or less, or to root with mode 0640 or less.
    /// Only livesync_open() reads it. Default: NULL, which is no key: any allowed source is believed.
    pub key_file: *const c_char,
    /// The name of the cluster, 1 to 255 bytes of UTF-8. Trackers with the same key and different
    /// names do not believe each other. Default: NULL, which is "livesync".
    pub cluster: *const c_char,
    /// With a key: how far the clocks of two trackers may be apart, in seconds. Packets that seem
    /// older or newer are dropped, or count as unauthenticated if `auth` is LIVESYNC_AUTH_ACCEPT.
    /// Default: 30. Minimum: 1. Maximum: 3600.
    pub max_skew_s: u32,
    /// 1: the handle numbers its packets, retransmits those that others have lost, and sends NAKs for
    /// those that it has lost itself. 0: packets are as the specification has them. Default: 1.
    pub repair: u8,
    /// With a key: what happens to unauthenticated packets: LIVESYNC_AUTH_... They are counted in any
    /// case. Default: LIVESYNC_AUTH_REQUIRE.
    pub auth: u8,
    /// How much memory is used to keep sent packets for retransmission, in bytes. A packet is kept
    /// for 10 seconds at most, and takes 128 bytes more than its own size. Above the default, the
    /// memory for received packets grows in proportion. Default: 8388608. Minimum: 65536. Maximum:
    /// 268435456.
    pub repair_window: u64,
}

/// Unauthenticated packets are dropped.
pub const LIVESYNC_AUTH_REQUIRE: u8 = 0;
/// Unauthenticated packets are used, too, while a running cluster gets its first key.
pub const LIVESYNC_AUTH_ACCEPT: u8 = 1;

/// Nothing is logged.
pub const LIVESYNC_LOG_OFF: c_int = 0;
/// Errors: sync does not work.
pub const LIVESYNC_LOG_ERROR: c_int = 1;
/// Warnings: sync works, but an operator should look.
pub const LIVESYNC_LOG_WARN: c_int = 2;
/// Rare events, such as start and stop.
pub const LIVESYNC_LOG_INFO: c_int = 3;
/// Frequent events.
pub const LIVESYNC_LOG_DEBUG: c_int = 4;

/// The peer has the whole torrent.
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
