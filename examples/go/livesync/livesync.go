// Package livesync makes a Go program a node in a cluster of BitTorrent trackers: the announces
// that one tracker receives reach all others.
package livesync

/*
#cgo pkg-config: livesync
#include <livesync.h>
*/
import "C"

import (
	"net/netip"
	"os"
	"sync"
)

// Flags of a peer.
type Flags uint8

const (
	Seeding   Flags = C.LIVESYNC_PEER_SEEDING   // the peer has the whole torrent
	Completed Flags = C.LIVESYNC_PEER_COMPLETED // the peer has just finished its download
	Stopped   Flags = C.LIVESYNC_PEER_STOPPED   // the peer has left the swarm
)

// Peer is a member of a swarm.
type Peer struct {
	Addr  netip.AddrPort
	Flags Flags
}

// EventKind is the kind of an event; ignore kinds that you do not know.
type EventKind uint32

const (
	AddPeer      EventKind = C.LIVESYNC_EVENT_ADD_PEER       // InfoHash, Peer. Do not call Announce for it.
	RemovePeer   EventKind = C.LIVESYNC_EVENT_REMOVE_PEER    // InfoHash, Peer
	NewTrackerID EventKind = C.LIVESYNC_EVENT_NEW_TRACKER_ID // TrackerID: another node had ours
)

// Event is a change that came from another tracker.
type Event struct {
	Kind      EventKind
	InfoHash  [20]byte
	Peer      Peer
	TrackerID uint32
}

// Node is one node of a cluster. Its methods may be called from any goroutine.
type Node struct {
	mutex   sync.RWMutex  // held for reading in calls of the library, for writing in Close
	handle  *C.livesync_t // nil after Close
	events  chan Event
	err     error // the reason why the loop ended; set before events is closed
	closing sync.Once
	done    chan struct{} // closed by Close, so that no more events are sent
	wake    *os.File      // closed by Close, so that the loop wakes up
}

// Open joins the cluster. It returns an error, whose details are on standard error.
func Open(config Config) (*Node, error) {
	handle, err := config.open()
	if err != nil {
		return nil, err
	}
	if _, err := check(C.livesync_start_polling(handle, C.uint32_t(config.TrackerID))); err != nil {
		C.livesync_close(handle)
		return nil, err
	}
	woken, wake, err := os.Pipe()
	if err != nil {
		C.livesync_close(handle)
		return nil, err
	}
	node := &Node{handle: handle, events: make(chan Event), done: make(chan struct{}), wake: wake}
	go node.loop(woken)
	return node, nil
}

// Announce sends a client's announce to the other trackers. It does not block. A peer that
// leaves its swarm has the flag Stopped.
func (n *Node) Announce(infoHash [20]byte, peer Peer) error {
	c := C.livesync_peer_t{port: C.uint16_t(peer.Addr.Port()), flags: C.uint8_t(peer.Flags)}
	for i, b := range peer.Addr.Addr().As16() {
		c.ip[i] = C.uint8_t(b)
	}
	_, err := n.call(func() C.int {
		return C.livesync_announce(n.handle, (*C.uint8_t)(&infoHash[0]), &c)
	})
	return err
}

// Events returns the announces of other trackers, in order. Keep receiving: a node whose events
// are not taken stops receiving packets. Close closes the channel, and so does a failure of the
// node; Err tells which.
func (n *Node) Events() <-chan Event { return n.events }

// Err returns nil if Close closed the channel of Events, else the failure. Call it after that.
func (n *Node) Err() error { return n.err }

// Close sends the last announces, leaves the cluster, and closes Events. A second call does
// nothing.
func (n *Node) Close() error {
	var err error
	n.closing.Do(func() {
		close(n.done)
		n.wake.Close()
		for range n.events { // until the loop has ended
		}
		n.mutex.Lock()
		defer n.mutex.Unlock()
		_, err = check(C.livesync_close(n.handle))
		n.handle = nil
	})
	return err
}

// call calls a function of the library that needs the handle.
func (n *Node) call(function func() C.int) (int, error) {
	n.mutex.RLock()
	defer n.mutex.RUnlock()
	if n.handle == nil {
		return 0, ErrClosed
	}
	return check(function())
}
