package livesync

/*
#include <poll.h>
#include <livesync.h>
*/
import "C"

import (
	"net/netip"
	"os"
	"time"
)

// loop runs the library until Close or a failure. It has a goroutine of its own. The library
// never calls back from C, so no thread enters that Go does not know.
func (n *Node) loop(woken *os.File) {
	defer close(n.events)
	defer woken.Close()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()

	fds := [2]C.struct_pollfd{
		{fd: C.livesync_fd(n.handle), events: C.POLLIN},
		{fd: C.int(woken.Fd()), events: C.POLLIN},
	}
	for {
		timeout := C.livesync_next_timeout_ms(n.handle)
		if _, n.err = check(timeout); n.err != nil {
			return
		}
		C.poll(&fds[0], C.nfds_t(len(fds)), timeout)
		if fds[1].revents != 0 {
			return
		}
		if _, n.err = check(C.livesync_process(n.handle)); n.err != nil {
			return
		}
		if n.err = n.deliver(ticker.C); n.err != nil {
			return
		}
	}
}

// deliver sends events to the channel. While the application is slow, the node receives no more
// packets, but sends its own announces at each tick.
func (n *Node) deliver(tick <-chan time.Time) error {
	var batch [64]C.livesync_event_t
	for {
		count, err := check(C.livesync_poll_events(n.handle, &batch[0], C.size_t(len(batch)), C.sizeof_livesync_event_t))
		if count == 0 {
			return err
		}
		for i := 0; i < count; {
			select {
			case n.events <- newEvent(&batch[i]):
				i++
			case <-tick:
				if _, err := check(C.livesync_process(n.handle)); err != nil {
					return err
				}
			case <-n.done:
				return nil
			}
		}
	}
}

func newEvent(c *C.livesync_event_t) Event {
	event := Event{Kind: EventKind(c.event_type), Peer: newPeer(&c.peer), TrackerID: uint32(c.tracker_id)}
	for i, b := range c.info_hash {
		event.InfoHash[i] = byte(b)
	}
	return event
}

func newPeer(c *C.livesync_peer_t) Peer {
	return Peer{newAddrPort(c.ip, c.port), Flags(c.flags)}
}

// newAddrPort makes an IPv4 address of ::ffff:a.b.c.d.
func newAddrPort(ip [16]C.uint8_t, port C.uint16_t) netip.AddrPort {
	var bytes [16]byte
	for i, b := range ip {
		bytes[i] = byte(b)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(bytes).Unmap(), uint16(port))
}
