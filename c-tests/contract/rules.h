/* The rules for the library: its calls, their order and their arguments. */

#ifndef RULES_H
#define RULES_H

#include "contract.h"

/* The source of a peer: the library passes FLAG_MCA. */
enum { FLAG_TCP, FLAG_UDP, FLAG_MCA };

/* The library is about to start on the calling thread. */
void library_starts(void);

/* The library has stopped, and may make no more calls. */
void library_has_stopped(bool for_certain);

/* A call begins, and the library has no bucket locked on this thread. */
void library_begins(enum call call);

/* A call begins, and the library has the bucket with this vector locked. */
void library_goes_on(enum call call, const ot_vector *vector);

/* A call that has begun ends. */
void library_ends(void);

/* Checks that a packet is used; a peer of it, before it is applied; and the event that ends
   the packet. */
void check_packet_begins(void);
void check_peer_call(enum call call, const void *hash, const ot_peer *peer, int proto,
                     size_t amount, const char *reply);
void count_peer(void);
void check_packet_ends(unsigned long peers);

#endif
