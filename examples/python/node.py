"""A node of a cluster in Python. It announces two peers, and prints what the others announce.

    cargo build --release
    LIVESYNC_LIBRARY=target/release/liblivesync.so \\
        python3 examples/python/node.py 127.0.0.1 9696 7001

It ends at the end of standard input.
"""

import os
import selectors
import sys
import time
from ipaddress import ip_address
from typing import List

from livesync import Event, EventType, Livesync, LivesyncError, Peer, PeerFlag

INFO_HASH = b"\xab" * 20


def main() -> int:
    try:
        _, interface, port, peer_port = sys.argv
        peers = [
            Peer(ip_address("192.0.2.1"), int(peer_port), PeerFlag.SEEDING),
            Peer(ip_address("2001:db8::1"), int(peer_port)),
        ]
        group_port = int(port)
    except ValueError:
        print("usage: node.py INTERFACE PORT PEER_PORT", file=sys.stderr)
        return 2
    try:
        with Livesync(interface, port=group_port, loopback=1, ipv6=1, allow=interface) as sync:
            run(sync, peers)
    except (LivesyncError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(sync: Livesync, peers: List[Peer]) -> None:
    # Not the default selector: epoll does not take files as standard input.
    selector = selectors.PollSelector()
    selector.register(sync, selectors.EVENT_READ)
    selector.register(0, selectors.EVENT_READ)
    due = time.monotonic()
    while True:
        if time.monotonic() >= due:
            due = time.monotonic() + 1
            for peer in peers:
                sync.announce(INFO_HASH, peer)
        timeout = min(sync.next_timeout(), due - time.monotonic())
        ready = [key.fd for key, _ in selector.select(max(timeout, 0))]
        sync.process()
        for event in sync.events():
            show(event)
        if 0 in ready and not os.read(0, 4096):
            break
    for peer in peers:
        sync.announce(INFO_HASH, peer._replace(flags=PeerFlag.STOPPED))


def show(event: Event) -> None:
    if event.type == EventType.ADD_PEER:
        sign = "+"
    elif event.type == EventType.REMOVE_PEER:
        sign = "-"
    else:
        return
    print(sign, event.info_hash.hex(), event.peer.ip, event.peer.port, flush=True)


if __name__ == "__main__":
    sys.exit(main())
