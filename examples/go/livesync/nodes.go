package livesync

// #include <livesync.h>
import "C"

import (
	"net/netip"
	"time"
)

// NodeInfo is a tracker that was heard.
type NodeInfo struct {
	TrackerID uint32
	Addr      netip.AddrPort // it sends from there
	LastHeard time.Duration  // so long ago
	Packets   uint64         // of it that were used
	Records   uint64         // announces in them
	Beacons   uint64         // among them
	Torrents  uint64         // that it had at its last beacon
	Ahead     time.Duration  // of its clock before ours, less the time that packets take
	Lag       time.Duration  // of its last packet behind the fastest
	Missing   uint64         // packets of it that may still come
	Repaired  uint64         // that were missing and came after all
	GivenUp   uint64         // that were missing and did not come in time
	Authenticated    bool           // by a key, where its last packet comes from
}

// Nodes are the trackers that were heard, the one heard last first.
func (n *Node) Nodes() ([]NodeInfo, error) {
	var c [256]C.livesync_node_t // more are never known
	count, err := n.call(func() C.int {
		return C.livesync_nodes(n.handle, &c[0], C.size_t(len(c)), C.sizeof_livesync_node_t)
	})
	nodes := make([]NodeInfo, count)
	for i := range nodes {
		nodes[i] = NodeInfo{
			TrackerID: uint32(c[i].tracker_id),
			Addr:      newAddrPort(c[i].ip, c[i].port),
			LastHeard: milliseconds(c[i].last_heard_ms),
			Packets:   uint64(c[i].packets),
			Records:   uint64(c[i].records),
			Beacons:   uint64(c[i].beacons),
			Torrents:  uint64(c[i].torrents),
			Ahead:     time.Duration(c[i].ahead_ms) * time.Millisecond,
			Lag:       milliseconds(c[i].lag_ms),
			Missing:   uint64(c[i].packets_missing),
			Repaired:  uint64(c[i].packets_recovered),
			GivenUp:   uint64(c[i].packets_lost),
			Authenticated:    c[i].authenticated != 0,
		}
	}
	return nodes, err
}
