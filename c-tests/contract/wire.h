/* The sync group on the loopback interface, from a plain socket. */

#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "ot_livesync.h"

enum packet_type { SYNC_LIVE, SYNC_SCRAPE_BEACON, SYNC_SCRAPE_INQUIRE, SYNC_SCRAPE_TELL };

enum { PEER_FLAG_SEEDING = 0x80, PEER_FLAG_STOPPED = 0x20 };

enum { HEADER = 8, LIVE_RECORD = 28, LIVE_RECORDS = 52, TELL_RECORDS = 45, LARGEST_PACKET = 1472 };

/* The flags of an IPv4 record are its 27th byte: 20 info_hash, 4 ip, 2 port. */
struct packet {
    size_t length;
    unsigned char bytes[LARGEST_PACKET];
};

/* Returns a socket that has joined the group, and that can send to it. */
int wire_join(uint16_t port);

void wire_send(int socket, uint16_t port, const struct packet *packet);

/* Returns the next packet of this type from `from`; the length is 0 if none comes within
   this many seconds. */
struct packet wire_receive(int socket, uint32_t from, enum packet_type type, double patience);

/* Lists contain torrents number first, first + 1, … */
struct packet live_packet(uint32_t from, unsigned first, unsigned records, int flags);
struct packet tell_packet(uint32_t from, unsigned first, unsigned records, unsigned downloaded);
struct packet inquire_packet(uint32_t from, uint32_t target);
struct packet beacon_packet(uint32_t from, unsigned torrents);

/* Converts a torrent's number to its info_hash, in any bucket; and back. */
void hash_of(unsigned number, ot_hash *hash);
unsigned number_of(const unsigned char *hash);

#endif
