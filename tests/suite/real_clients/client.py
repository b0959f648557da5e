"""A BitTorrent client that finds peers through one tracker and in no other way.

    client.py make CONTENT TORRENT              write CONTENT and its TORRENT file
    client.py join ADDRESS TORRENT DIR TRACKER  be in the swarm until killed

Whether it seeds or downloads depends, as in any client, on what DIR already holds.
It prints one line per event: "announced" for each answer of the tracker, "complete"
once DIR holds the whole content, "error ..." for what goes wrong.
"""

import os
import random
import sys
import time

import libtorrent as lt

CONTENT_SIZE = 4 << 20
PORT = 6881  # the same for every client, since each is alone on its host

# Interval at which a downloader announces itself to its tracker, in seconds; libtorrent does
# so at most once a second. By default it waits at least a minute, whatever the tracker says.
REANNOUNCE = 0.5


def main():
    match sys.argv[1:]:
        case ["make", content, torrent]:
            make(content, torrent)
        case ["join", address, torrent, directory, tracker]:
            join(address, torrent, directory, tracker)
        case _:
            sys.exit(__doc__)


def make(content, torrent):
    with open(content, "wb") as file:
        file.write(random.Random(1).randbytes(CONTENT_SIZE))
    files = lt.file_storage()
    lt.add_files(files, content)
    creator = lt.create_torrent(files, 0, lt.create_torrent.v1_only)
    lt.set_piece_hashes(creator, os.path.dirname(content))
    with open(torrent, "wb") as file:
        file.write(lt.bencode(creator.generate()))


def join(address, torrent, directory, tracker):
    session = lt.session({
        "listen_interfaces": f"{address}:{PORT}",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_mask": lt.alert.category_t.error_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.tracker_notification,
    })
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(torrent)
    params.save_path = directory
    params.trackers = [tracker]
    params.flags = lt.torrent_flags.disable_pex  # neither paused nor queued
    handle = session.add_torrent(params)
    asked = time.monotonic()
    while True:
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            report(alert)
        if time.monotonic() - asked >= REANNOUNCE and not handle.status().is_seeding:
            handle.force_reannounce(0, -1, lt.reannounce_flags_t.ignore_min_interval)
            asked = time.monotonic()


def report(alert):
    if isinstance(alert, lt.tracker_reply_alert):
        line = "announced"
    elif isinstance(alert, lt.torrent_finished_alert):
        line = "complete"
    elif alert.category() & lt.alert.category_t.error_notification:
        line = f"error {alert.message()}"
    else:
        return
    print(line, flush=True)


main()
