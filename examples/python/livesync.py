"""livesync for programs with an event loop of their own, be it selectors or asyncio:

    with Livesync("192.0.2.1", allow="192.0.2.0/24") as sync:
        selector.register(sync, selectors.EVENT_READ)
        while True:
            selector.select(sync.next_timeout())
            sync.process()
            for event in sync.events(): ...
"""

from __future__ import annotations

import weakref
from ctypes import byref, c_uint8, c_void_p, create_string_buffer, sizeof
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Union

from livesync_h import MAX_NODES, CConfig, CCounts, CEvent, CNode, CPeer, CStats, CStruct, lib
from livesync_h import EventType, Feature, LivesyncError, PeerFlag, features, version

__all__ = ["Event", "EventType", "Feature", "IPAddress", "Livesync", "LivesyncError", "Node"]
__all__ += ["Peer", "PeerFlag", "features", "version"]

IPAddress = Union[IPv4Address, IPv6Address]


class Peer(NamedTuple):
    ip: IPAddress
    port: int
    flags: int = 0  # PeerFlag


class Event(NamedTuple):
    type: int  # EventType
    info_hash: bytes  # of ADD_PEER and REMOVE_PEER
    peer: Peer  # of ADD_PEER and REMOVE_PEER
    tracker_id: int  # of NEW_TRACKER_ID


class Node(NamedTuple):
    ip: IPAddress
    port: int
    tracker_id: int
    last_heard_ms: int
    packets: int
    records: int
    beacons: int
    torrents: int
    ahead_ms: int
    lag_ms: int
    packets_missing: int
    packets_recovered: int
    packets_lost: int
    authenticated: int


class Livesync:
    """One node of a cluster. Use each from one thread at a time."""

    def __init__(self, interface: str, tracker_id: int = 0, **settings: Union[int, str]) -> None:
        """Joins the group and starts. `settings` are named like the fields of livesync_config_t."""
        config = CConfig()
        lib.livesync_config_init(byref(config), sizeof(config))
        config.interface = interface.encode()
        for name, value in settings.items():
            setattr(config, name, value.encode() if isinstance(value, str) else value)
        config.scrape &= config.table  # scrape sync needs a table here
        self._handle = c_void_p()
        lib.livesync_open(byref(config), byref(self._handle))
        self._close = weakref.finalize(self, lib.livesync_close, self._handle)
        lib.livesync_start_polling(self._handle, tracker_id)

    def __enter__(self) -> Livesync:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Sends the last announces and frees the handle. A second call does nothing."""
        self._handle = c_void_p()
        self._close()

    def fileno(self) -> int:
        """Returns a descriptor that is readable when process() has work to do."""
        return int(lib.livesync_fd(self._handle))

    def next_timeout(self) -> float:
        """Returns the number of seconds until process() must be called: an hour at most."""
        return min(int(lib.livesync_next_timeout_ms(self._handle)), 3_600_000) / 1000

    def process(self) -> None:
        """Receives, does the due work, and sends, without blocking."""
        lib.livesync_process(self._handle)

    def events(self) -> Iterator[Event]:
        """Yields the events that are waiting."""
        e = CEvent()
        while lib.livesync_poll_events(self._handle, byref(e), 1, sizeof(e)):
            yield Event(e.event_type, bytes(e.info_hash), _peer(e.peer), e.tracker_id)

    def announce(self, info_hash: bytes, peer: Peer) -> None:
        """Announces a peer to the other trackers. A peer that leaves has the flag STOPPED."""
        ip = (bytes(10) + b"\xff\xff" + peer.ip.packed)[-16:]
        raw = CPeer((c_uint8 * 16)(*ip), peer.port, peer.flags)
        lib.livesync_announce(self._handle, _torrent(info_hash), byref(raw))

    def stats(self) -> Dict[str, int]:
        """Returns the counters since the start: the fields of livesync_stats_t."""
        return _numbers(CStats(), lib.livesync_stats, self._handle)

    def nodes(self) -> List[Node]:
        """Returns the other trackers, the one that sent last first."""
        nodes = (CNode * MAX_NODES)()
        count = lib.livesync_nodes(self._handle, nodes, len(nodes), sizeof(CNode))
        return [Node(_ip(n.ip), *(getattr(n, f) for f in Node._fields[1:])) for n in nodes[:count]]

    def metrics_text(self) -> str:
        """Returns counters and nodes in the exposition format of Prometheus."""
        length, buffer = 8191, create_string_buffer(0)
        while length >= len(buffer):
            buffer = create_string_buffer(length + 1)
            length = lib.livesync_metrics_text(self._handle, buffer, len(buffer))
        return buffer.value.decode()

    def peers(self, info_hash: bytes, limit: int = 200) -> List[Peer]:
        """Returns peers of a swarm in the table, those announced last first."""
        peers = (CPeer * limit)()
        count = lib.livesync_peers(self._handle, _torrent(info_hash), peers, limit)
        return [_peer(peer) for peer in peers[:count]]

    def counts(self, info_hash: bytes) -> Dict[str, int]:
        """Returns the counts of a swarm in the table: the fields of livesync_counts_t."""
        return _numbers(CCounts(), lib.livesync_counts, self._handle, _torrent(info_hash))


def _peer(peer: CPeer) -> Peer:
    return Peer(_ip(peer.ip), peer.port, peer.flags)


def _ip(raw: Iterable[int]) -> IPAddress:
    ip = IPv6Address(bytes(raw))
    return ip.ipv4_mapped or ip


def _torrent(info_hash: bytes) -> bytes:
    if len(info_hash) != 20:
        raise ValueError("an info_hash has 20 bytes")
    return info_hash


def _numbers(out: CStruct, function: Any, *arguments: Any) -> Dict[str, int]:
    function(*arguments, byref(out), sizeof(out))
    return {name: getattr(out, name) for name, *_ in out._fields_}
