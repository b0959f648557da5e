/* The shape of opentracker's trackerlogic.h from 13 January 2009 to 21 April 2010. */
#ifndef OT_TRACKERLOGIC_H__
#define OT_TRACKERLOGIC_H__

#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

typedef uint8_t ot_hash[20];
typedef time_t  ot_time;
typedef char    ot_ip6[16];

#ifdef WANT_V6
#define OT_IP_SIZE 16
#else
#define OT_IP_SIZE 4
#endif

#define OT_BUCKET_COUNT 1024
#define OT_HASH_COMPARE_SIZE (sizeof(ot_hash))

extern time_t g_now_seconds;
extern volatile int g_opentracker_running;
#define g_now_minutes (g_now_seconds/60)
extern uint32_t g_tracker_id;

typedef enum { FLAG_TCP, FLAG_UDP, FLAG_MCA } PROTO_FLAG;

typedef struct { uint8_t data[OT_IP_SIZE+2+2]; } ot_peer;

typedef struct ot_peerlist ot_peerlist;
typedef struct {
  ot_hash      hash;
  ot_peerlist *peer_list;
} ot_torrent;

#include "ot_vector.h"

struct ot_peerlist {
  ot_time   base;
  size_t    seed_count;
  size_t    peer_count;
  size_t    down_count;
  ot_vector peers;
};

/* This generation has revisions with either. */
#ifdef HASH_BY_VALUE
#define HASH_PARAMETER( name ) ot_hash name
#define HASH_ARGUMENT( hash ) (hash)
#else
#define HASH_PARAMETER( name ) ot_hash *name
#define HASH_ARGUMENT( hash ) (&(hash))
#endif

void   exerr( char *message );
size_t add_peer_to_torrent_and_return_peers( HASH_PARAMETER( hash ), ot_peer *peer, PROTO_FLAG proto, size_t amount, char *reply );
size_t remove_peer_from_torrent( HASH_PARAMETER( hash ), ot_peer *peer, char *reply, PROTO_FLAG proto );

#endif
