package livesync

// #include <livesync.h>
import "C"

import (
	"time"
	"unsafe"
)

// Stats holds the counters of a node. They only grow, from Open on.
type Stats struct {
	TrackerID   uint32
	ScrapeState ScrapeState
	Uptime      time.Duration
	Nodes       uint64 // trackers that Nodes returns now

	RecordsAnnounced, RecordsHeard uint64 // announces: sent and received
	PacketsOut, BytesOut           uint64
	PacketsIn, BytesIn             uint64 // all packets, used or dropped
	SendErrors, PacketsOverflowed  uint64 // not sent because of an error; after a long wait
	// PacketsOverflowed by class: heartbeats, NAKs, beacons and inquiries; announces;
	// retransmitted packets; torrents.
	OverflowedControl, OverflowedLive, OverflowedRepair, OverflowedBulk uint64

	IDCollisions                  uint64 // another tracker sent under our id
	Drops                         Drops
	BeaconsSent, BeaconsHeard     uint64
	InquiriesSent, InquiriesHeard uint64
	TorrentsSent, TorrentsHeard   uint64 // in scrape sync
	TorrentsFailed                uint64 // received, but not stored
	TorrentsNotRemembered         uint64 // ours is larger, but there was no room to remember it
	EventsWaiting                 uint64 // until the application takes them from Events
	TableTorrents, TablePeers     uint64 // in the table now
	TableBytes                    uint64 // upper bound for the memory of the table
	TableExpired, TableEvicted    uint64 // peers and torrents that expired; that made room for others
	PacketsMissing                uint64 // of other nodes, and may still come
	PacketsRecovered              uint64 // that were missing and came after all
	PacketsLost                   uint64 // that were missing and did not come in time
	PacketsRetransmitted          uint64 // packets of ours that others had lost
	NAKsSent, NAKsHeard           uint64 // requests for missing packets: sent; received
	HeartbeatsSent                uint64
	PacketsUnauthenticated        uint64 // used without authentication
	ReceiveBufferErrors           uint64 // dropped by the kernel: the receive buffer was full
	AnnouncesRefused              uint64 // our announces with port 0 or address 0
	LogLinesDropped               uint64 // lines that standard error did not accept
}

// Drops counts the dropped packets by reason.
type Drops struct {
	NotAllowed        uint64 // the source is not allowed to speak
	TooShort          uint64 // shorter than a header
	OwnPacket         uint64 // our own packet came back
	UnknownType       uint64
	BadLength         uint64 // the length does not fit the packet type
	EmptyList         uint64
	TruncatedTail     uint64 // the tail of a list; the records before it were used
	IPv6Unsupported   uint64 // IPv6 peers, but IPv6 is off
	ScrapeUnsupported uint64 // scrape sync, but this node takes no part in it
	BadNumbers        uint64 // inconsistent sequence numbers
	Duplicate         uint64 // already received, or lost
	TooLate           uint64 // recovered too late to know which announces are newer
	Untagged          uint64 // we have a key, but the packet has no tag
	BadTag            uint64 // the tag is of another key or cluster
	Replayed          uint64 // recorded and sent a second time
	Skewed            uint64 // the sender's clock is too far from ours
	BadPeer           uint64 // records whose peer has port 0 or address 0
	BadCount          uint64 // more torrents, downloads or minutes than there can be
}

// ScrapeState is the state of scrape sync.
type ScrapeState uint32

const (
	ScrapeOff         ScrapeState = C.LIVESYNC_SCRAPE_OFF
	ScrapeIdle        ScrapeState = C.LIVESYNC_SCRAPE_IDLE
	ScrapeInquiring   ScrapeState = C.LIVESYNC_SCRAPE_INQUIRING
	ScrapeTelling     ScrapeState = C.LIVESYNC_SCRAPE_TELLING
	ScrapeTellingBack ScrapeState = C.LIVESYNC_SCRAPE_TELLING_BACK
)

// Stats returns the counters of the node.
func (n *Node) Stats() (Stats, error) {
	var c C.livesync_stats_t
	_, err := n.call(func() C.int { return C.livesync_stats(n.handle, &c, C.sizeof_livesync_stats_t) })
	return Stats{
		TrackerID: uint32(c.tracker_id), ScrapeState: ScrapeState(c.scrape_state),
		Uptime: milliseconds(c.uptime_ms), Nodes: uint64(c.nodes),
		RecordsAnnounced: uint64(c.records_announced), RecordsHeard: uint64(c.records_heard),
		PacketsOut: uint64(c.packets_out), BytesOut: uint64(c.bytes_out),
		PacketsIn: uint64(c.packets_in), BytesIn: uint64(c.bytes_in),
		SendErrors: uint64(c.send_errors), PacketsOverflowed: uint64(c.packets_overflowed),
		OverflowedControl: uint64(c.overflowed_control), OverflowedLive: uint64(c.overflowed_live),
		OverflowedRepair: uint64(c.overflowed_repair), OverflowedBulk: uint64(c.overflowed_bulk),
		IDCollisions: uint64(c.id_collisions),
		Drops: Drops{
			NotAllowed: uint64(c.drops_not_allowed), TooShort: uint64(c.drops_too_short),
			OwnPacket: uint64(c.drops_own_packet), UnknownType: uint64(c.drops_unknown_type),
			BadLength: uint64(c.drops_bad_length), EmptyList: uint64(c.drops_empty_list),
			TruncatedTail:     uint64(c.drops_truncated_tail),
			IPv6Unsupported:   uint64(c.drops_ipv6_unsupported),
			ScrapeUnsupported: uint64(c.drops_scrape_unsupported),
			BadNumbers:        uint64(c.drops_bad_numbers),
			Duplicate:         uint64(c.drops_duplicate), TooLate: uint64(c.drops_too_late),
			Untagged: uint64(c.drops_untagged), BadTag: uint64(c.drops_bad_tag),
			Replayed: uint64(c.drops_replayed), Skewed: uint64(c.drops_skewed),
			BadPeer: uint64(c.drops_bad_peer), BadCount: uint64(c.drops_bad_count),
		},
		BeaconsSent: uint64(c.beacons_sent), BeaconsHeard: uint64(c.beacons_heard),
		InquiriesSent: uint64(c.inquiries_sent), InquiriesHeard: uint64(c.inquiries_heard),
		TorrentsSent: uint64(c.torrents_sent), TorrentsHeard: uint64(c.torrents_heard),
		TorrentsFailed: uint64(c.torrents_failed), TorrentsNotRemembered: uint64(c.torrents_not_remembered),
		EventsWaiting: uint64(c.events_waiting),
		TableTorrents: uint64(c.table_torrents), TablePeers: uint64(c.table_peers),
		TableBytes:   uint64(c.table_bytes),
		TableExpired: uint64(c.table_expired), TableEvicted: uint64(c.table_evicted),
		PacketsMissing: uint64(c.packets_missing), PacketsRecovered: uint64(c.packets_recovered),
		PacketsLost: uint64(c.packets_lost), PacketsRetransmitted: uint64(c.packets_retransmitted),
		NAKsSent: uint64(c.naks_sent), NAKsHeard: uint64(c.naks_heard),
		HeartbeatsSent: uint64(c.heartbeats_sent), PacketsUnauthenticated: uint64(c.packets_unauthenticated),
		ReceiveBufferErrors: uint64(c.receive_buffer_errors),
		AnnouncesRefused:    uint64(c.announces_refused),
		LogLinesDropped:     uint64(c.log_lines_dropped),
	}, err
}

// MetricsText returns counters and nodes in the exposition format of Prometheus.
func (n *Node) MetricsText() (string, error) {
	for size := 8192; ; {
		buffer := make([]byte, size)
		length, err := n.call(func() C.int {
			return C.livesync_metrics_text(n.handle, (*C.char)(unsafe.Pointer(&buffer[0])), C.size_t(size))
		})
		if err != nil {
			return "", err
		}
		if length < size {
			return string(buffer[:length]), nil
		}
		size = length + 1
	}
}

func milliseconds(count C.uint64_t) time.Duration {
	return time.Duration(count) * time.Millisecond
}
