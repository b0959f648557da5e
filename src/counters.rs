//! The counters of a tracker, each spelled once.
//!
//! `counters` holds the tables, and hands the rows of one to the macro that it is called with, so
//! whoever needs all counters has no list of them. A row is a name, and what it counts in words that a
//! Rust programmer and an operator understand. From it follow
//!
//! - the field, its documentation, the metric and its HELP line: `counting_struct`, below;
//! - docs/metrics.md, which the test `metrics::the_page_is_up_to_date` makes of the HELP lines;
//! - how the field of the same name in `livesync_stats_t` is filled: src/ffi/handle/stats.rs.
//!
//! That field itself is written there as well: in C it has its place for ever, behind all older ones,
//! and cbindgen, which makes the header, looks into no macro. Without it the library does not compile.
//! A reason of drops is a row, too, with what the log says of it.
//!
//! What a table says of itself (src/host/usage.rs) and what is known of another tracker (`NodeStats`)
//! are more than counters, and stand elsewhere.

/// A counter as the metrics have it: its name, what it counts, and how far it is.
pub(crate) type Counter = (&'static str, &'static str, u64);

macro_rules! counters {
    // What a node counts that no other table has.
    (node => $make:ident! $with:tt) => { $make! { $with
        /// Announces told by our own tracker.
        records_announced
        /// Announces heard from other trackers and handed to our own.
        records_heard
        /// Packets completed for sending.
        packets_out
        /// Bytes of the payloads of packets completed for sending.
        bytes_out
        /// Datagrams that arrived, used or not.
        packets_in
        /// Bytes of the payloads of datagrams that arrived.
        bytes_in
        /// Packets lost because the network did not take them for too long, or not before the
        /// id changed in whose name they were to be sent again.
        packets_overflowed
        /// Heartbeats, NAKs, beacons and inquiries among the packets lost because the network
        /// did not take them.
        overflowed_control
        /// Packets of announces among the packets lost because the network did not take them.
        overflowed_live
        /// Packets sent again among the packets lost because the network did not take them.
        overflowed_repair
        /// Packets of torrents among the packets lost because the network did not take them.
        overflowed_bulk
        /// Packets that could not be sent at all.
        send_errors
        /// How often somebody else spoke under our id, and we drew a new one.
        id_collisions
        /// Packets that were used although nothing proves where they come from: there is a
        /// key, and it is not required.
        packets_unauthenticated
    } };

    // Loss repair.
    (repair => $make:ident! $with:tt) => { $make! { $with
        /// Packets that were missing, and came after all.
        packets_recovered
        /// Packets that were missing, and did not come in time.
        packets_lost
        /// Requests for missing packets (NAKs) sent.
        naks_sent
        /// Requests for missing packets (NAKs) heard that asked us.
        naks_heard
        /// Packets sent again because others missed them.
        packets_retransmitted
        /// Heartbeats sent.
        heartbeats_sent
    } };

    // Scrape sync.
    (scrape => $make:ident! $with:tt) => { $make! { $with
        /// Beacons sent.
        beacons_sent
        /// Beacons heard.
        beacons_heard
        /// Inquiries sent.
        inquiries_sent
        /// Inquiries heard, whomever they asked.
        inquiries_heard
        /// Torrents told.
        torrents_sent
        /// Torrents heard and merged, or not.
        torrents_heard
        /// Torrents heard that our own tracker could not store.
        torrents_failed
        /// Torrents known better than heard, for which there was no room to remember
        /// that they are to be told back.
        torrents_not_remembered
    } };

    // What an engine counts besides its node.
    (engine => $make:ident! $with:tt) => { $make! { $with
        /// Packets that the kernel dropped because the receive buffer was full, also before the
        /// start, while we were bound already. Those that come together as one message (UDP_GRO)
        /// count as one. On Linux only; 0 elsewhere.
        receive_buffer_errors
        /// Announces that were refused because the peer has port 0 or address 0.
        announces_refused
        /// Log lines that standard error did not take at once, and that are lost, since this
        /// process began. What other handles of the process log counts, too.
        log_lines_dropped
    } };

    // What was dropped: the reason, its counter, and what the log says.
    (drops => $make:ident! $with:tt) => { $make! { $with
        /// The host does not let this source address speak.
        NotAllowed, drops_not_allowed: "the source is not allowed to speak";
        /// Shorter than a header.
        TooShort, drops_too_short: "shorter than a header";
        /// Our own packet, come back to us.
        OwnPacket, drops_own_packet: "our own packet";
        /// A packet type we do not know.
        UnknownType, drops_unknown_type: "unknown packet type";
        /// The length does not fit the packet type.
        BadLength, drops_bad_length: "length does not fit the packet type";
        /// A list without a record.
        EmptyList, drops_empty_list: "no record in it";
        /// The last record of a list is incomplete; the records before it were used.
        TruncatedTail, drops_truncated_tail: "last record incomplete (those before it were used)";
        /// An IPv6 peer list, and the host takes none.
        Ipv6Unsupported, drops_ipv6_unsupported: "this tracker takes no IPv6 peers";
        /// Scrape sync, in which this build, configuration or host takes no part.
        ScrapeUnsupported, drops_scrape_unsupported: "no part is taken in scrape sync";
        /// The ranges of a NAK do not ascend, or a packet has a number that should have none,
        /// or none that should have one, or one further ahead than its sender can have sent.
        BadNumbers, drops_bad_numbers: "numbers that cannot be";
        /// A packet that was heard already, or lost.
        Duplicate, drops_duplicate: "heard already, or lost";
        /// A packet that comes so late that newer ones, which it must not override, are
        /// forgotten; or an announce to be applied once more, for which the host had no room in time.
        TooLate, drops_too_late: "recovered too late to know what is newer";
        /// A packet without a tag, where a key is required.
        Untagged, drops_untagged: "no proof of origin (no tag)";
        /// The tag is not one that our keys and our cluster name make.
        BadTag, drops_bad_tag: "false proof of origin (bad tag)";
        /// A packet with a good tag that was used already, or is older than what the sender
        /// says now.
        Replayed, drops_replayed: "recorded earlier and sent again, by whomever";
        /// A packet with a good tag, from a time too far from ours.
        Skewed, drops_skewed: "its sender's clock and ours are too far apart";
        /// The peer in a record has port 0 or address 0; the other records were used.
        BadPeer, drops_bad_peer: "a peer with port 0 or address 0 (the other records were used)";
        /// A beacon with more torrents than a tracker can have; or the record of a torrent with
        /// more downloads than there can be, or announced longer ago than can be, of which the
        /// other records were used.
        BadCount, drops_bad_count: "more torrents, downloads or minutes than there can be";
    } };
}

/// Makes a struct with the counters of a table, besides the fields that it is given.
macro_rules! counting_struct {
    (
        { $(#[$about:meta])* pub struct $struct:ident { $($others:tt)* } }
        $($(#[doc = $what:literal])+ $name:ident)+
    ) => {
        $(#[$about])*
        pub struct $struct {
            $($(#[doc = $what])+ pub $name: u64,)+
            $($others)*
        }

        impl $struct {
            /// Its counters in that table.
            pub(crate) fn each(&self) -> impl Iterator<Item = $crate::counters::Counter> {
                // Every line of a comment begins with the space that parts it from the one before.
                [$((stringify!($name), concat!($($what),+).trim_ascii_start(), self.$name)),+]
                    .into_iter()
            }
        }
    };
}

pub(crate) use {counters, counting_struct};
