package livesync

/*
#include <stdlib.h>
#include <livesync.h>
*/
import "C"

import (
	"time"
	"unsafe"
)

// Config holds the settings for Open. Only Interface is required; zero numbers and empty
// strings stand for the library's defaults.
type Config struct {
	Interface string // IPv4 address of the interface to sync on
	Group     string // multicast group
	Port      uint16 // port of the group
	TTL       uint8  // multicast ttl
	Allow     string // allowed senders: IP addresses and networks, separated by spaces or commas

	Loopback    bool   // exchange packets with other nodes on this host, too
	IPv6        bool   // receive IPv6 peers, too
	ListenOnly  bool   // never send
	SpeakOnly   bool   // never receive
	Environment bool   // the LIVESYNC_... environment variables override these fields
	TrackerID   uint32 // unique in the cluster; 0: drawn at random

	Flush time.Duration // longest time that an announce waits for its packet to fill up

	NoRepair     bool          // do not retransmit packets, and do not request lost ones
	RepairWindow uint64        // bytes of sent packets kept for retransmission
	KeyFile      string        // file with the keys of the cluster
	Cluster      string        // name of the cluster
	MaxSkew      time.Duration // largest difference between clocks, in whole seconds
	AcceptNoAuth bool          // use unauthenticated packets, too

	// Table: the node keeps peers and torrents itself, see Peers and Counts, and takes part in
	// scrape sync with them.
	Table           bool
	TableBytes      uint64        // upper bound for its memory
	PeerLifetime    time.Duration // a peer without a new announce leaves after this time
	TorrentLifetime time.Duration // a torrent without a new announce leaves after this time
}

func (config *Config) open() (*C.livesync_t, error) {
	var c C.livesync_config_t
	if _, err := check(C.livesync_config_init(&c, C.sizeof_livesync_config_t)); err != nil {
		return nil, err
	}
	c._interface = text(config.Interface)
	defer C.free(unsafe.Pointer(c._interface))
	c.group = text(config.Group)
	defer C.free(unsafe.Pointer(c.group))
	c.allow = text(config.Allow)
	defer C.free(unsafe.Pointer(c.allow))
	set(&c.port, config.Port)
	set(&c.ttl, config.TTL)
	c.loopback = flag(config.Loopback)
	c.ipv6 = flag(config.IPv6)
	c.speak = flag(!config.ListenOnly)
	c.listen = flag(!config.SpeakOnly)
	c.environment = flag(config.Environment)
	set(&c.flush_ms, config.Flush.Milliseconds())
	c.table = flag(config.Table)
	c.scrape = c.table
	set(&c.table_bytes, config.TableBytes)
	set(&c.peer_lifetime_s, int64(config.PeerLifetime.Seconds()))
	set(&c.torrent_lifetime_s, int64(config.TorrentLifetime.Seconds()))
	c.repair = flag(!config.NoRepair)
	set(&c.repair_window, config.RepairWindow)
	c.key_file = text(config.KeyFile)
	defer C.free(unsafe.Pointer(c.key_file))
	c.cluster = text(config.Cluster)
	defer C.free(unsafe.Pointer(c.cluster))
	set(&c.max_skew_s, int64(config.MaxSkew.Seconds()))
	if config.AcceptNoAuth {
		c.auth = C.LIVESYNC_AUTH_ACCEPT
	}

	var handle *C.livesync_t
	_, err := check(C.livesync_open(&c, &handle))
	return handle, err
}

// text returns a C string, which the caller must free.
func text(value string) *C.char {
	if value == "" {
		return nil
	}
	return C.CString(value)
}

type integer interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int64
}

// set sets a field unless the value stands for the default.
func set[Field, Value integer](field *Field, value Value) {
	if value != 0 {
		*field = Field(value)
	}
}

func flag(on bool) C.uint8_t {
	if on {
		return 1
	}
	return 0
}
