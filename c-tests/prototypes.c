/* The six prototypes of the specification beside those of this library. */

#include "ot_livesync.h"

void livesync_init();
void livesync_deinit();
void livesync_bind_mcast( char *ip, uint16_t port );
void livesync_tell( ot_hash * const info_hash, const ot_peer * const peer );
void livesync_ticker( );
void handle_livesync( const int64 serversocket );

/* The layouts that both sides share. */
typedef char ot_hash_is_20_bytes[ sizeof( ot_hash ) == 20 ? 1 : -1 ];
typedef char ot_peer_is_8_bytes[ sizeof( ot_peer ) == 8 ? 1 : -1 ];
typedef char port_is_9696[ LIVESYNC_PORT == 9696 ? 1 : -1 ];
