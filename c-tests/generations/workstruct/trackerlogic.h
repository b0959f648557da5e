/* The shape of opentracker's trackerlogic.h from 22 April 2010 on, while a torrent had
   one list of peers. */
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

#define OT_BUCKET_COUNT (1<<10)
#define OT_HASH_COMPARE_SIZE (sizeof(ot_hash))

extern time_t g_now_seconds;
extern volatile int g_opentracker_running;
#define g_now_minutes (g_now_seconds/60)
extern uint32_t g_tracker_id;

typedef enum { FLAG_TCP, FLAG_UDP, FLAG_MCA, FLAG_SELFPIPE } PROTO_FLAG;

/* This generation has revisions with either. */
#ifdef PEER_IS_ARRAY
typedef uint8_t ot_peer[OT_IP_SIZE+2+2];
#else
typedef struct { uint8_t data[OT_IP_SIZE+2+2]; } ot_peer;
#endif

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

struct ot_workstruct {
  char    *inbuf;
  char    *outbuf;
  ot_peer  peer;
  ot_hash *hash;
  char    *peer_id;
  int      keep_alive;
  char    *request;
  ssize_t  request_size;
  ssize_t  header_size;
  char    *reply;
  ssize_t  reply_size;
};

void   exerr( char *message );
size_t add_peer_to_torrent_and_return_peers( PROTO_FLAG proto, struct ot_workstruct *ws, size_t amount );
size_t remove_peer_from_torrent( PROTO_FLAG proto, struct ot_workstruct *ws );

#endif
