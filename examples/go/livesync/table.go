package livesync

// #include <livesync.h>
import "C"

// Counts describes the swarm of a torrent.
type Counts struct {
	Known             bool   // the torrent is in the table
	MinutesAgo        uint32 // age of its last announce
	Seeders, Leechers uint64
	Downloaded        uint64 // number of downloads
}

// Peers returns at most limit peers of a torrent, those announced last first. The node must
// have been opened with Config.Table.
func (n *Node) Peers(infoHash [20]byte, limit int) ([]Peer, error) {
	if limit <= 0 {
		return nil, nil
	}
	c := make([]C.livesync_peer_t, limit)
	count, err := n.call(func() C.int {
		return C.livesync_peers(n.handle, (*C.uint8_t)(&infoHash[0]), &c[0], C.size_t(limit))
	})
	peers := make([]Peer, count)
	for i := range peers {
		peers[i] = newPeer(&c[i])
	}
	return peers, err
}

// Counts returns the counts of a torrent in that table.
func (n *Node) Counts(infoHash [20]byte) (Counts, error) {
	var c C.livesync_counts_t
	_, err := n.call(func() C.int {
		return C.livesync_counts(n.handle, (*C.uint8_t)(&infoHash[0]), &c, C.sizeof_livesync_counts_t)
	})
	return Counts{
		Known:      c.known != 0,
		MinutesAgo: uint32(c.base_offset),
		Seeders:    uint64(c.seeders),
		Leechers:   uint64(c.leechers),
		Downloaded: uint64(c.downloaded),
	}, err
}
