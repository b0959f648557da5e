/* A program that is no tracker: the library links, logs the missing symbols once, and does
   nothing else. With an argument the program neither binds nor starts first. */

#include <stdio.h>

#include "ot_livesync.h"

int main( int argc, char **argv ) {
  char ip[4] = { 127, 0, 0, 1 };
  ot_hash hash = { 0 };
  ot_peer peer = { { 0 } };
  (void)argv;
  if( argc == 1 ) {
    livesync_bind_mcast( ip, LIVESYNC_PORT );
    livesync_init();
  }
  livesync_tell( &hash, &peer );
  livesync_tell( NULL, NULL );
  livesync_ticker();
  handle_livesync( 0 );
  handle_livesync( -1 );
  livesync_deinit();
  fputs( g_version_livesync_c, stdout );
  return 0;
}
