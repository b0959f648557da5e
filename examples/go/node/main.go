// A node in Go: announces two peers each second, and prints the announces of other nodes.
//
// Build and run it:
//
//	(cd examples/go && go build -o ../../target/node-go ./node)
//	target/node-go 127.0.0.1 9696 7001
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"time"

	"livesync.example/livesync"
)

func main() {
	if len(os.Args) != 4 {
		usage()
	}
	err := run(os.Args[1], port(os.Args[2]), port(os.Args[3]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address string, groupPort, peerPort uint16) error {
	node, err := livesync.Open(livesync.Config{
		Interface: address,
		Port:      groupPort,
		Allow:     address,
		Loopback:  true,
		IPv6:      true,
	})
	if err != nil {
		return err
	}
	defer node.Close()

	infoHash := *(*[20]byte)(bytes.Repeat([]byte{0xab}, 20))
	seeder := livesync.Peer{
		Addr:  netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), peerPort),
		Flags: livesync.Seeding,
	}
	leecher := livesync.Peer{Addr: netip.AddrPortFrom(netip.MustParseAddr("2001:db8::1"), peerPort)}
	announce := func(flags livesync.Flags) error {
		for _, peer := range []livesync.Peer{seeder, leecher} {
			peer.Flags |= flags
			if err := node.Announce(infoHash, peer); err != nil {
				return err
			}
		}
		return nil
	}

	inputEnded := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(inputEnded)
	}()
	if err := announce(0); err != nil {
		return err
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case event, open := <-node.Events():
			if !open {
				return node.Err()
			}
			show(event)
		case <-second.C: // repeated for nodes that join later
			if err := announce(0); err != nil {
				return err
			}
		case <-inputEnded:
			return announce(livesync.Stopped)
		}
	}
}

func show(event livesync.Event) {
	addr := event.Peer.Addr
	switch event.Kind {
	case livesync.AddPeer:
		fmt.Printf("+ %x %s %d\n", event.InfoHash, addr.Addr(), addr.Port())
	case livesync.RemovePeer:
		fmt.Printf("- %x %s %d\n", event.InfoHash, addr.Addr(), addr.Port())
	}
}

func port(text string) uint16 {
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		usage()
	}
	return uint16(number)
}

func usage() {
	fmt.Fprintf(os.Stderr, "usage: %s INTERFACE PORT PEER_PORT\n", os.Args[0])
	os.Exit(2)
}
