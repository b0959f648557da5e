//! The counters of a tracker, each spelled once.
//!
//! The macro `counters` holds the tables, and passes the rows of one table to the macro that it is
//! called with, so no other file lists the counters. A row is a name, and a sentence on what it
//! counts that a Rust programmer and an operator understand. The row makes
//!
//! - the field, its documentation, the metric and its HELP line, by `counting_struct` below;
//! - the line of docs/metrics.md, which the test `metrics::the_page_is_up_to_date` compares with
//!   the HELP lines;
//! - the assignment to the field of the same name in `livesync_stats_t`: src/ffi/handle/stats.rs.
//!
//! That field itself is declared there as well: its place in the C struct is fixed behind all older
//! fields, and cbindgen, which makes the header, expands no macro. The library does not compile
//! without it. A reason of drops is a row, too, with the phrase that the log uses.
//!
//! The usage of a table (src/host/usage.rs) and the statistics of another node (`NodeStats`)
//! contain more than counters, and stand elsewhere.

/// A counter as a metric: its name, its HELP text and its value.
pub(crate) type Counter = (&'static str, &'static str, u64);

macro_rules! counters {
    // The counters of a node that are in no other table.
    (node => $make:ident! $with:tt) => { $make! { $with
        /// Announces of this tracker's own peers that this node has accepted for sending.
        records_announced
        /// Announces of other trackers that this node has received and handed to its host.
        records_heard
        /// Packets that were completed for sending.
        packets_out
        /// UDP payload bytes of the packets that were completed for sending.
        bytes_out
        /// Datagrams that have arrived, whether they were used or dropped.
        packets_in
        /// UDP payload bytes of the datagrams that have arrived.
        bytes_in
        /// Packets that were discarded unsent because the network did not take them for too long,
        /// or because the node changed its id before it could retransmit them.
        packets_overflowed
        /// Heartbeats, NAKs, beacons and inquiries among the packets that were discarded unsent.
        overflowed_control
        /// Packets of announces among the packets that were discarded unsent.
        overflowed_live
        /// Retransmissions among the packets that were discarded unsent.
        overflowed_repair
        /// Scrape tell packets among the packets that were discarded unsent.
        overflowed_bulk
        /// Packets that the kernel refused to send because of an error.
        send_errors
        /// Times that another node sent under the id of this node, so that this node drew a new id.
        id_collisions
        /// Unauthenticated packets that were used, because there is a key but it is not required.
        packets_unauthenticated
    } };

    // Loss repair.
    (repair => $make:ident! $with:tt) => { $make! { $with
        /// Missing packets that arrived after all, late or as a retransmission.
        packets_recovered
        /// Missing packets that did not arrive in time and are lost.
        packets_lost
        /// Requests for missing packets (NAKs) that this node has sent.
        naks_sent
        /// Requests for missing packets (NAKs) that other nodes have sent to this node.
        naks_heard
        /// Packets that this node has retransmitted because other nodes missed them.
        packets_retransmitted
        /// Heartbeats that this node has sent.
        heartbeats_sent
    } };

    // Scrape sync.
    (scrape => $make:ident! $with:tt) => { $make! { $with
        /// Beacons that this node has sent.
        beacons_sent
        /// Beacons that this node has received.
        beacons_heard
        /// Inquiries that this node has sent.
        inquiries_sent
        /// Inquiries that this node has received, whichever node they were addressed to.
        inquiries_heard
        /// Torrents that this node has sent in scrape tells.
        torrents_sent
        /// Torrents from the scrape tells of other nodes that were offered to this tracker.
        torrents_heard
        /// Torrents from scrape tells that this tracker could not store.
        torrents_failed
        /// Torrents that this tracker knows better than a scrape tell said, but that were not
        /// remembered for telling back, because the memory for them was full.
        torrents_not_remembered
    } };

    // The counters of an engine besides those of its node.
    (engine => $make:ident! $with:tt) => { $make! { $with
        /// Messages that the kernel dropped because the receive buffer was full, since this node
        /// joined the group. Datagrams that the kernel merged into one message by generic receive
        /// offload count as one. This is counted on Linux only, and 0 elsewhere.
        receive_buffer_errors
        /// Announces of this program that were refused because the peer has port 0 or address 0.
        announces_refused
        /// Log lines that were lost because standard error did not take them at once. The count is
        /// that of the whole process since its start, for all handles together.
        log_lines_dropped
    } };

    // The reasons of drops, each with its counter and the phrase that the log uses.
    (drops => $make:ident! $with:tt) => { $make! { $with
        /// The source address is not allowed to send to this node.
        NotAllowed, drops_not_allowed: "the source is not allowed";
        /// The datagram is shorter than a header.
        TooShort, drops_too_short: "the datagram is shorter than a header";
        /// The packet is one of this node's own that has come back to it.
        OwnPacket, drops_own_packet: "the packet is this node's own";
        /// The packet has a type that this version does not know.
        UnknownType, drops_unknown_type: "the packet type is unknown";
        /// The length of the packet does not fit its type.
        BadLength, drops_bad_length: "the length does not fit the packet type";
        /// The packet is a list without a record.
        EmptyList, drops_empty_list: "the list contains no record";
        /// The last record of a list is incomplete. The records before it were used.
        TruncatedTail, drops_truncated_tail: "the last record is incomplete (the others were used)";
        /// The packet is a list of IPv6 peers, which the host does not take.
        Ipv6Unsupported, drops_ipv6_unsupported: "this tracker does not take IPv6 peers";
        /// The packet belongs to scrape sync, in which this build, configuration or host takes no
        /// part.
        ScrapeUnsupported, drops_scrape_unsupported: "this node takes no part in scrape sync";
        /// The sequence numbers of the packet are inconsistent: the ranges of a NAK do not ascend,
        /// a packet lacks a number or has one against its type, or the number is further ahead
        /// than its sender can have sent.
        BadNumbers, drops_bad_numbers: "the sequence numbers are inconsistent";
        /// The packet was received before, or counts as lost already.
        Duplicate, drops_duplicate: "the packet was received before, or counts as lost";
        /// The packet was recovered so late that this node no longer knows which announces
        /// supersede it; or the host had no room in time for an announce that had to be applied
        /// once more.
        TooLate, drops_too_late: "the packet was recovered too late to know what supersedes it";
        /// The packet has no tag, and this node requires one.
        Untagged, drops_untagged: "the packet is unauthenticated (it has no tag)";
        /// The tag of the packet was not made with a key and the name of this cluster.
        BadTag, drops_bad_tag: "the packet is unauthenticated (its tag is wrong)";
        /// The packet is authenticated, but was used before or is older than the last one of its
        /// sender.
        Replayed, drops_replayed: "the packet was recorded earlier and sent once more";
        /// The packet is authenticated, but the clocks of its sender and this node are too far
        /// apart.
        Skewed, drops_skewed: "the clocks of the sender and this node are too far apart";
        /// A record names a peer with port 0 or address 0. The other records were used.
        BadPeer, drops_bad_peer: "a peer has port 0 or address 0 (the other records were used)";
        /// A beacon or a record of a torrent has a count that no tracker can have: of torrents, of
        /// downloads, or of minutes since the last announce. The other records were used.
        BadCount, drops_bad_count: "a count of torrents, downloads or minutes is impossible";
    } };
}

/// Declares a struct with the counters of a table before the fields that it is passed.
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
            /// Iterates over the counters of the table.
            pub(crate) fn each(&self) -> impl Iterator<Item = $crate::counters::Counter> {
                // Every doc line begins with a space, which separates it from the line before.
                [$((stringify!($name), concat!($($what),+).trim_ascii_start(), self.$name)),+]
                    .into_iter()
            }
        }
    };
}

pub(crate) use {counters, counting_struct};
