// Package livesync makes a Go program a member of a cluster of BitTorrent trackers:
// what clients announce to one tracker, all others hear of.
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
	Seeding   Flags = C.LIVESYNC_PEER_SEEDING   // it has everything
	Completed Flags = C.LIVESYNC_PEER_COMPLETED // it has just finished its download
	Stopped   Flags = C.LIVESYNC_PEER_STOPPED   // it has left the swarm
)

// Peer is a peer of a swarm.
type Peer struct {
	Addr  netip.AddrPort
	Flags Flags
}

// EventKind says what happened; pass over kinds that you do not know.
type EventKind uint32

const (
	AddPeer      EventKind = C.LIVESYNC_EVENT_ADD_PEER       // InfoHash, Peer. Do not announce it again.
	RemovePeer   EventKind = C.LIVESYNC_EVENT_REMOVE_PEER    // InfoHash, Peer
	NewTrackerID EventKind = C.LIVESYNC_EVENT_NEW_TRACKER_ID // TrackerID: another tracker had ours
)

// Event is something that was heard from another tracker.
type Event struct {
	Kind      EventKind
	InfoHash  [20]byte
	Peer      Peer
	TrackerID uint32
}

// Node is a member of a cluster. Its methods may be called from any goroutine.
type Node struct {
	mutex   sync.RWMutex  // for reading in calls of the library, for writing in Close
	handle  *C.livesync_t // nil: closed
	events  chan Event
	err     error // why the loop ended; set before events is closed
	closing sync.Once
	done    chan struct{} // closed by Close, so that nothing more is sent to events
	wake    *os.File      // closed by Close, so that the loop wakes up
}

// Open joins the cluster. What is wrong is also told on standard error.
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

// Announce tells the other trackers of an announce of a client. It does not block.
// A peer that leaves its swarm has the flag Stopped.
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

// Events are what is heard from others, in order. Keep receiving: a node whose events
// nobody takes hears nothing more. The channel is closed by Close, or when the node
// fails; Err tells which.
func (n *Node) Events() <-chan Event { return n.events }

// Err is nil if Events was closed by Close, else what went wrong. Call it after that.
func (n *Node) Err() error { return n.err }

// Close sends what was announced, leaves the cluster, and closes Events. Closing again
// does nothing.
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
