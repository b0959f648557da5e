/* reversals: two trackers that announce the peers that come from sync. An announce of a
   third tracker to one of them must not come from either. */

#define _GNU_SOURCE
#include "scenarios.h"

#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include "contract.h"
#include "wire.h"

static void be_reversed(int socket, uint16_t port)
{
    reversed = true;
    host_sync(port, US + 1);
    for (;;) {
        host_handle(socket);
        host_ticker();
        usleep(1000);
    }
}

void reversals(uint16_t port, unsigned number)
{
    int wire = wire_join(port), own_socket = wire_join(port);
    pid_t other = begin_process(be_reversed, wire_join(port), port);
    struct packet packet = live_packet(THEM, 1, LIVE_RECORDS, 0);

    (void)number;
    reversed = true;
    host_sync(port, US);
    /* Both the library's thread and the main thread apply packets, in both trackers. */
    for (unsigned i = 0; i < 20; i++) {
        packet = live_packet(THEM, i * LIVE_RECORDS, LIVE_RECORDS, i % 2 ? PEER_FLAG_STOPPED : 0);
        wire_send(wire, port, &packet);
        host_handle(own_socket);
        host_ticker();
    }
    WAIT_FOR(calls_of(ADD) + calls_of(REMOVE) >= 2 * 20 * LIVE_RECORDS);

    /* Such a tracker announces a completion, too: once, and no echo comes back. An echo
       would leave before the packet that the test waits for. */
    ot_hash hash;
    ot_peer peer = {{10, 0, 0, 1, 0x1a, 0xe1, 0x40, 0}};
    unsigned long before = calls_of(ADD);
    hash_of(1, &hash);
    livesync_tell(&hash, &peer);
    packet = wire_receive(wire, US, SYNC_LIVE, PATIENCE);
    if (!packet.length)
        broken("a completion is not announced");
    if (number_of(packet.bytes + HEADER) != 1 || packet.bytes[HEADER + 26] != 0x40)
        broken("a peer that came from sync was announced");
    if (wire_receive(wire, US + 1, SYNC_LIVE, 0.5).length || calls_of(ADD) != before)
        broken("a completion comes back");
    end_process(other);
    end_sync();
    printf("reversals: %lu peers applied, none came back\n", calls_of(ADD) + calls_of(REMOVE));
}
