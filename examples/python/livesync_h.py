"""The numbers, structs and functions of include/livesync.h that livesync.py needs.

LIVESYNC_LIBRARY names the library; the default is liblivesync.so.0.1.
"""

import enum
import os
from ctypes import CDLL, Structure, c_char_p, c_int, c_size_t
from ctypes import c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any, List, Tuple

MAX_NODES = 256
PeerFlag = enum.IntFlag("PeerFlag", {"SEEDING": 128, "COMPLETED": 64, "STOPPED": 32})
EventType = enum.IntEnum("EventType", {"ADD_PEER": 1, "REMOVE_PEER": 2, "NEW_TRACKER_ID": 3})
Feature = enum.IntFlag("Feature", {"CLASSIC": 1, "SCRAPE": 2})


class LivesyncError(Exception):
    """An error number of livesync.h and its meaning. The details are in the log."""

    def __init__(self, code: int) -> None:
        super().__init__(lib.livesync_strerror(code).decode())
        self.code = code


def version() -> Tuple[int, int, int]:
    """Returns the version of the library: major, minor, patch."""
    number = int(lib.livesync_version())
    return number >> 16, number >> 8 & 0xFF, number & 0xFF


def features() -> Feature:
    """Returns the features that are compiled into the library."""
    return Feature(lib.livesync_features())


class CStruct(Structure):
    """Refuses fields that do not exist and numbers that do not fit, both of which ctypes
    accepts.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        getattr(self, name)
        super().__setattr__(name, value)
        if isinstance(value, int) and getattr(self, name) != value:
            raise ValueError(f"{name} cannot be {value}")


def fields(ctype: Any, names: str) -> List[Tuple[str, Any]]:
    return [(name, ctype) for name in names.split()]


class CConfig(CStruct):
    _fields_ = [
        *fields(c_size_t, "size"),
        *fields(c_char_p, "interface group allow"),
        *fields(c_uint16, "port"),
        *fields(c_uint8, "ttl loopback speak listen ipv6 scrape table environment"),
        *fields(c_uint32, "flush_ms first_beacon_delay_ms beacon_interval_ms inquire_percent"),
        *fields(c_uint32, "scrape_tell_packets remembered_torrents peer_lifetime_s torrent_lifetime_s"),
        *[("table_bytes", c_uint64), ("log_level", c_int)],
        *fields(c_void_p, "user log is_running is_allowed add_peer remove_peer packet_applied"),
        *fields(c_void_p, "new_tracker_id count_torrents walk_torrents look_up_torrent"),
        *[("merge_torrent", c_void_p), ("key_file", c_char_p), ("cluster", c_char_p)],
        *[("max_skew_s", c_uint32), ("repair", c_uint8), ("auth", c_uint8)],
        *[("repair_window", c_uint64)],
    ]


class CPeer(CStruct):
    _fields_ = [("ip", c_uint8 * 16), ("port", c_uint16), ("flags", c_uint8), ("reserved", c_uint8)]


class CTorrent(CStruct):
    _fields_ = [("info_hash", c_uint8 * 20), ("base_offset", c_uint32), ("downloaded", c_uint64)]


class CCursor(CStruct):
    _fields_ = [("bucket", c_uint32), ("place", c_uint32), ("after", c_uint8 * 20)]


class CEvent(CStruct):
    _fields_ = [
        *fields(c_uint32, "event_type tracker_id"),
        *[("info_hash", c_uint8 * 20), ("peer", CPeer), ("torrent", CTorrent)],
        *[("cursor", CCursor), ("limit", c_uint32)],
    ]


class CStats(CStruct):
    _fields_ = [
        *fields(c_size_t, "size"),
        *fields(c_uint32, "tracker_id scrape_state"),
        *fields(c_uint64, "uptime_ms nodes records_announced records_heard packets_out bytes_out"),
        *fields(c_uint64, "packets_in bytes_in send_errors packets_overflowed id_collisions"),
        *fields(c_uint64, "drops_not_allowed drops_too_short drops_own_packet drops_unknown_type"),
        *fields(c_uint64, "drops_bad_length drops_empty_list drops_truncated_tail"),
        *fields(c_uint64, "drops_ipv6_unsupported drops_scrape_unsupported beacons_sent"),
        *fields(c_uint64, "beacons_heard inquiries_sent inquiries_heard torrents_sent"),
        *fields(c_uint64, "torrents_heard torrents_failed torrents_not_remembered events_waiting"),
        *fields(c_uint64, "table_torrents table_peers table_bytes table_expired table_evicted"),
        *fields(c_uint64, "packets_missing packets_recovered packets_lost packets_retransmitted"),
        *fields(c_uint64, "naks_sent naks_heard heartbeats_sent packets_unauthenticated"),
        *fields(c_uint64, "drops_bad_numbers drops_duplicate drops_too_late drops_untagged"),
        *fields(c_uint64, "drops_bad_tag drops_replayed drops_skewed receive_buffer_errors"),
        *fields(c_uint64, "announces_refused log_lines_dropped drops_bad_peer drops_bad_count"),
        *fields(c_uint64, "overflowed_control overflowed_live overflowed_repair overflowed_bulk"),
    ]


class CNode(CStruct):
    _fields_ = [
        *[("tracker_id", c_uint32), ("port", c_uint16), ("reserved", c_uint16)],
        *fields(c_uint8 * 16, "ip"),
        *fields(c_uint64, "last_heard_ms packets records beacons torrents"),
        ("ahead_ms", c_int64),
        *fields(c_uint64, "lag_ms packets_missing packets_recovered packets_lost authenticated"),
    ]


class CCounts(CStruct):
    _fields_ = [
        *[("size", c_size_t), ("known", c_uint32), ("base_offset", c_uint32)],
        *fields(c_uint64, "seeders leechers downloaded"),
    ]


def declare(name: str, *arguments: Any, returns: Any = c_int) -> None:
    """Sets the types of a function; a negative result becomes an exception."""
    function = getattr(lib, "livesync_" + name)
    function.argtypes = arguments
    function.restype = returns
    if returns is c_int:
        function.errcheck = check


def check(result: int, *_: object) -> int:
    if result < 0:
        raise LivesyncError(result)
    return result


# Handles and pointers are c_void_p, which takes byref(), arrays and bytes.
lib = CDLL(os.environ.get("LIVESYNC_LIBRARY", "liblivesync.so.0.1"))
declare("version", returns=c_uint32)
declare("features", returns=c_uint64)
declare("strerror", c_int, returns=c_char_p)
for name in "fd next_timeout_ms process close".split():
    declare(name, c_void_p)
declare("config_init", c_void_p, c_size_t)
declare("open", c_void_p, c_void_p)
declare("start_polling", c_void_p, c_uint32)
declare("poll_events", c_void_p, c_void_p, c_size_t, c_size_t)
declare("announce", c_void_p, c_void_p, c_void_p)
declare("stats", c_void_p, c_void_p, c_size_t)
declare("nodes", c_void_p, c_void_p, c_size_t, c_size_t)
declare("metrics_text", c_void_p, c_void_p, c_size_t)
declare("peers", c_void_p, c_void_p, c_void_p, c_size_t)
declare("counts", c_void_p, c_void_p, c_void_p, c_size_t)
