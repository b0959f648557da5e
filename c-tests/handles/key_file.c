/* Opens a handle with a key file as another user: key_file PORT FILE USER GROUP */
#define _GNU_SOURCE
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "livesync.h"

static void print_cb( int level, const char *message, void *user ) {
  (void)level; (void)user;
  puts( message );
}

int main( int argc, char **argv ) {
  livesync_config_t config;
  livesync_t *handle;
  gid_t group;
  if( argc != 5 ) return 2;
  group = atoi( argv[4] );
  if( setgroups( 1, &group ) || setgid( atoi( argv[3] ) ) || setuid( atoi( argv[3] ) ) ) return 3;
  livesync_config_init( &config, sizeof config );
  config.interface = "127.0.0.1";
  config.port = atoi( argv[1] );
  config.key_file = argv[2];
  config.log = print_cb;
  if( livesync_open( &config, &handle ) ) return 1;
  livesync_close( handle );
  puts( "ok" );
  return 0;
}
