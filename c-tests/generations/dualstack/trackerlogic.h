/* The shape of today's trackerlogic.h of opentracker. */
#ifndef OT_TRACKERLOGIC_H__
#define OT_TRACKERLOGIC_H__

#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

typedef uint8_t ot_hash[20];
typedef time_t  ot_time;
typedef char    ot_ip6[16];

#define OT_IP_SIZE6 16
#define OT_IP_SIZE4 4
#define OT_PEER_SIZE6 (OT_IP_SIZE6+2+1+1)
#define OT_PEER_SIZE4 (OT_IP_SIZE4+2+1+1)

#define OT_BUCKET_COUNT (1<<10)
#define OT_HASH_COMPARE_SIZE (sizeof(ot_hash))

extern time_t g_now_seconds;
extern volatile int g_opentracker_running;
#define g_now_minutes (g_now_seconds/60)
extern uint32_t g_tracker_id;

typedef enum { FLAG_TCP, FLAG_UDP, FLAG_MCA, FLAG_SELFPIPE } PROTO_FLAG;

typedef uint8_t ot_peer; /* the first byte of one of the two */
typedef uint8_t ot_peer6[OT_PEER_SIZE6];
typedef uint8_t ot_peer4[OT_PEER_SIZE4];

/* An ot_peer6 with an IPv4-mapped address contains an ot_peer4. */
ot_peer *peer_from_peer6( ot_peer6 *peer, size_t *peer_size );

typedef struct ot_peerlist ot_peerlist;
typedef struct {
  ot_hash      hash;
  ot_peerlist *peer_list6;
  ot_peerlist *peer_list4;
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
  ot_peer6 peer;
  ot_hash *hash;
  char    *peer_id;
  char    *request;
  ssize_t  request_size;
  ssize_t  header_size;
  char    *reply;
  ssize_t  reply_size;
  uint16_t rand48_state[3];
  int      keep_alive;
};

void   exerr( char *message );
size_t add_peer_to_torrent_and_return_peers( PROTO_FLAG proto, struct ot_workstruct *ws, size_t amount );
size_t remove_peer_from_torrent( PROTO_FLAG proto, struct ot_workstruct *ws );

#endif
