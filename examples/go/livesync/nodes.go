package livesync

// #include <livesync.h>
import "C"

import (
	"net/netip"
	"time"
)

// NodeInfo describes another tracker of the cluster.
type NodeInfo struct {
	TrackerID     uint32
	Addr          netip.AddrPort // the source of its packets
	LastHeard     time.Duration  // time since its last packet
	Packets       uint64         // its packets that were used
	Records       uint64         // announces in them
	Beacons       uint64         // beacons among them
	Torrents      uint64         // number of its torrents, from its last beacon
	Ahead         time.Duration  // its clock minus ours, without the delay of the network
	Lag           time.Duration  // delay of its last packet, compared with the fastest one
	Missing       uint64         // its packets that are missing and may still come
	Recovered     uint64         // missing packets that came after all
	Lost          uint64         // missing packets that did not come in time
	Authenticated bool           // a key authenticates the source of its last packet
}

// Nodes returns the other trackers, the one that sent last first.
func (n *Node) Nodes() ([]NodeInfo, error) {
	var c [256]C.livesync_node_t // the library's upper bound
	count, err := n.call(func() C.int {
		return C.livesync_nodes(n.handle, &c[0], C.size_t(len(c)), C.sizeof_livesync_node_t)
	})
	nodes := make([]NodeInfo, count)
	for i := range nodes {
		nodes[i] = NodeInfo{
			TrackerID:     uint32(c[i].tracker_id),
			Addr:          newAddrPort(c[i].ip, c[i].port),
			LastHeard:     milliseconds(c[i].last_heard_ms),
			Packets:       uint64(c[i].packets),
			Records:       uint64(c[i].records),
			Beacons:       uint64(c[i].beacons),
			Torrents:      uint64(c[i].torrents),
			Ahead:         time.Duration(c[i].ahead_ms) * time.Millisecond,
			Lag:           milliseconds(c[i].lag_ms),
			Missing:       uint64(c[i].packets_missing),
			Recovered:     uint64(c[i].packets_recovered),
			Lost:          uint64(c[i].packets_lost),
			Authenticated: c[i].authenticated != 0,
		}
	}
	return nodes, err
}
