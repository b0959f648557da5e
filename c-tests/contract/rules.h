/* The rules that the library is held to: what it may call, when and with what. */

#ifndef RULES_H
#define RULES_H

#include "contract.h"

/* By whom a peer is told: the library says FLAG_MCA. */
enum { FLAG_TCP, FLAG_UDP, FLAG_MCA };

/* The library is about to start, on the calling thread. */
void library_starts(void);

/* The library has stopped: whether it may call no more. */
void library_has_stopped(bool for_certain);

/* The library calls, and has no bucket locked on this thread. */
void library_begins(enum call call);

/* The library calls, and has the bucket with this vector locked. */
void library_goes_on(enum call call, const ot_vector *vector);

/* A call that has begun ends. */
void library_ends(void);

/* A packet is used; a peer of it, which is checked first and then applied; and the event
   that ends it. */
void check_packet_begins(void);
void check_peer_call(enum call call, const void *hash, const ot_peer *peer, int proto,
                     size_t amount, const char *reply);
void count_peer(void);
void check_packet_ends(unsigned long peers);

#endif
