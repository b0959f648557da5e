//! The statistics of a handle, as a C struct.
#![allow(non_camel_case_types)]
#![allow(dead_code, reason = "constants that only C programs use")]

use std::time::Duration;

use crate::counters::counters;
use crate::engine::Stats;
use crate::host::Usage;
#[cfg(feature = "want_sync_scrape")]
use crate::protocol::ScrapeState;
use crate::reject::Reject;

/// The handle takes no part in scrape sync.
pub const LIVESYNC_SCRAPE_OFF: u32 = 0;
/// Scrape sync has nothing to do.
pub const LIVESYNC_SCRAPE_IDLE: u32 = 1;
/// Another tracker has more torrents: the handle is about to inquire, or waits for the scrape tell.
pub const LIVESYNC_SCRAPE_INQUIRING: u32 = 2;
/// The handle is telling all torrents to a tracker that inquired.
pub const LIVESYNC_SCRAPE_TELLING: u32 = 3;
/// The handle is about to tell back torrents of which it has larger counts than it received.
pub const LIVESYNC_SCRAPE_TELLING_BACK: u32 = 4;

/// The statistics of a handle since its last start.
///
/// Counters only grow until the handle is started again. Bytes are bytes of UDP payload.
///
/// @since 0.1.0
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct livesync_stats_t {
    /// The number of bytes of this struct that the library has set.
    pub size: usize,
    /// The id of this handle, in host byte order; 0 while it is stopped.
    pub tracker_id: u32,
    /// State of scrape sync: LIVESYNC_SCRAPE_...
    pub scrape_state: u32,
    /// The time since the start in milliseconds; 0 while the handle is stopped.
    pub uptime_ms: u64,
    /// The number of nodes that livesync_nodes() knows now; 0 while the handle is stopped.
    pub nodes: u64,
    /// Announces of the application.
    pub records_announced: u64,
    /// Announces received from other trackers and handed to the application.
    pub records_heard: u64,
    /// Packets completed for sending.
    pub packets_out: u64,
    /// Bytes of the packets completed for sending.
    pub bytes_out: u64,
    /// Datagrams that arrived, used or not.
    pub packets_in: u64,
    /// Bytes of the datagrams that arrived.
    pub bytes_in: u64,
    /// Packets that could not be sent.
    pub send_errors: u64,
    /// Packets dropped because the network took none for too long, or because the id changed before
    /// they could be retransmitted.
    pub packets_overflowed: u64,
    /// How often another tracker used the id of this handle.
    pub id_collisions: u64,
    /// Packets dropped because their source is not allowed.
    pub drops_not_allowed: u64,
    /// Packets dropped because they are shorter than a header.
    pub drops_too_short: u64,
    /// Packets dropped because this handle has sent them itself.
    pub drops_own_packet: u64,
    /// Packets dropped because their type is unknown.
    pub drops_unknown_type: u64,
    /// Packets dropped because their length does not fit their type.
    pub drops_bad_length: u64,
    /// Packets dropped because their list has no record.
    pub drops_empty_list: u64,
    /// Incomplete records dropped at the end of a list; the records before them were used.
    pub drops_truncated_tail: u64,
    /// IPv6 packets dropped because `ipv6` is 0 in the configuration.
    pub drops_ipv6_unsupported: u64,
    /// Packets of scrape sync dropped because the handle takes no part in it.
    pub drops_scrape_unsupported: u64,
    /// Scrape sync: beacons sent.
    pub beacons_sent: u64,
    /// Scrape sync: beacons received.
    pub beacons_heard: u64,
    /// Scrape sync: inquiries sent.
    pub inquiries_sent: u64,
    /// Scrape sync: inquiries received, whichever tracker they ask.
    pub inquiries_heard: u64,
    /// Scrape sync: torrents sent in scrape tells.
    pub torrents_sent: u64,
    /// Scrape sync: torrents received in scrape tells and then merged or not, as the application or
    /// the table has answered.
    pub torrents_heard: u64,
    /// Scrape sync: torrents received that the application could not store.
    pub torrents_failed: u64,
    /// Scrape sync: torrents received with a smaller count than the application's that will not be
    /// told back, because `remembered_torrents` of them wait already.
    pub torrents_not_remembered: u64,
    /// Events that wait for livesync_poll_events() now.
    pub events_waiting: u64,
    /// The table: torrents in it now, including some expired ones that are not removed yet.
    pub table_torrents: u64,
    /// The table: peers in it now, including some expired ones that are not removed yet.
    pub table_peers: u64,
    /// The table: the bytes that these torrents and peers take at most.
    pub table_bytes: u64,
    /// The table: peers and torrents removed because they were not announced again.
    pub table_expired: u64,
    /// The table: peers and torrents removed because the table was full.
    pub table_evicted: u64,
    /// Repair: packets of other nodes that are missing now and may still come.
    pub packets_missing: u64,
    /// Repair: packets of other nodes that were missing and came after all.
    pub packets_recovered: u64,
    /// Repair: packets of other nodes that were missing and did not come in time.
    pub packets_lost: u64,
    /// Repair: packets that this handle has retransmitted.
    pub packets_retransmitted: u64,
    /// Repair: NAKs, which are requests for missing packets, sent.
    pub naks_sent: u64,
    /// Repair: NAKs received that request packets of this handle.
    pub naks_heard: u64,
    /// Repair: heartbeats sent.
    pub heartbeats_sent: u64,
    /// Unauthenticated packets used, as LIVESYNC_AUTH_ACCEPT allows.
    pub packets_unauthenticated: u64,
    /// Packets dropped because their sequence numbers are inconsistent with their type, with each
    /// other, or with what their sender can have sent.
    pub drops_bad_numbers: u64,
    /// Packets dropped because they were received already, or count as lost.
    pub drops_duplicate: u64,
    /// Packets dropped because they were recovered too late to know whether newer announces
    /// supersede theirs.
    pub drops_too_late: u64,
    /// With a key: packets dropped because they have no tag.
    pub drops_untagged: u64,
    /// With a key: packets dropped because their tag is not of these keys and this cluster name.
    pub drops_bad_tag: u64,
    /// With a key: packets dropped because they are replays of authenticated ones.
    pub drops_replayed: u64,
    /// With a key: packets dropped because the clock of their sender differs from this host's by more
    /// than `max_skew_s`.
    pub drops_skewed: u64,
    /// Packets dropped by the kernel because the receive buffer was full: see net.core.rmem_max.
    /// Counted from livesync_open() or the last start on, on Linux only. Packets that come together
    /// as one message (UDP_GRO) count as one.
    pub receive_buffer_errors: u64,
    /// Announces of the application refused because the peer has port 0 or address 0.
    pub announces_refused: u64,
    /// Log lines dropped because standard error did not take them at once. This counts the lines of
    /// all handles of the process, from its beginning; it is 0 before the first start.
    pub log_lines_dropped: u64,
    /// Records dropped because their peer has port 0 or address 0; the other records of their packet
    /// were used.
    pub drops_bad_peer: u64,
    /// Beacons dropped because they have more than 2^32 torrents, and records of torrents dropped
    /// because they have more than 2^48 downloads or were announced more than a hundred years ago;
    /// the other records of their packet were used.
    pub drops_bad_count: u64,
    /// Of `packets_overflowed`: heartbeats, NAKs, beacons and inquiries.
    pub overflowed_control: u64,
    /// Of `packets_overflowed`: packets of announces.
    pub overflowed_live: u64,
    /// Of `packets_overflowed`: retransmissions.
    pub overflowed_repair: u64,
    /// Of `packets_overflowed`: scrape tell packets.
    pub overflowed_bulk: u64,
}

/// Copies the counters of a table into the fields of the same names.
macro_rules! copy {
    (($from:expr => $to:expr) $($(#[$what:meta])+ $name:ident)+) => {
        $($to.$name = $from.$name;)+
    };
}

/// Copies the counts of all drops.
macro_rules! copy_drops {
    (
        ($from:expr => $to:expr)
        $($(#[$when:meta])+ $reject:ident, $counter:ident: $reason:literal;)+
    ) => {
        $($to.$counter = $from.of(Reject::$reject);)+
    };
}

impl livesync_stats_t {
    pub(super) fn fill(&mut self, stats: &Stats) {
        if stats.running {
            self.tracker_id = stats.id.to_host();
            self.uptime_ms = millis(stats.uptime);
            self.nodes = stats.nodes as u64;
        }
        self.packets_missing = stats.packets_missing;
        counters!(engine => copy!(stats => self));
        let counters = &stats.counters;
        counters!(node => copy!(counters => self));
        counters!(repair => copy!(counters.repair => self));
        counters!(drops => copy_drops!(counters.drops => self));
        #[cfg(feature = "want_sync_scrape")]
        {
            counters!(scrape => copy!(counters.scrape => self));
            self.scrape_state = match stats.scrape.filter(|_| stats.running) {
                None => LIVESYNC_SCRAPE_OFF,
                Some(ScrapeState::Idle) => LIVESYNC_SCRAPE_IDLE,
                Some(ScrapeState::Inquiring) => LIVESYNC_SCRAPE_INQUIRING,
                Some(ScrapeState::Telling) => LIVESYNC_SCRAPE_TELLING,
                Some(ScrapeState::TellingBack) => LIVESYNC_SCRAPE_TELLING_BACK,
            };
        }
    }

    pub(super) fn fill_table(&mut self, table: &Usage) {
        self.table_torrents = table.torrents;
        self.table_peers = table.peers;
        self.table_bytes = table.bytes;
        self.table_expired = table.expired;
        self.table_evicted = table.evicted;
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
