/* placeholder until cbindgen writes it; same declarations */
#ifndef __OT_LIVESYNC_H__
#define __OT_LIVESYNC_H__
#include <stdint.h>
#ifdef LIVESYNC_STANDALONE
typedef int64_t int64;
typedef uint8_t ot_hash[20];
typedef struct { uint8_t data[8]; } ot_peer;
#else
#include "io.h"
#include "trackerlogic.h"
#endif
#ifdef __cplusplus
extern "C" {
#endif
extern const char *g_version_livesync_c;
#ifdef WANT_SYNC_LIVE
#define LIVESYNC_PORT 9696
void livesync_init(void);
void livesync_deinit(void);
void livesync_bind_mcast(char *ip, uint16_t port);
void livesync_tell(ot_hash *info_hash, const ot_peer *peer);
void livesync_ticker(void);
void handle_livesync(int64 serversocket);
#else
#define livesync_deinit()
#define livesync_init()
#define livesync_ticker()
#define handle_livesync(a)
#endif
#ifdef __cplusplus
}
#endif
#endif
