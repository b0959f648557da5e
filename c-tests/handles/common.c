#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.h"

void fail( const char *what ) { puts( what ); exit( 1 ); }

int64_t now_ms( void ) {
  struct timespec now;
  clock_gettime( CLOCK_MONOTONIC, &now );
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms( int ms ) {
  struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
  nanosleep( &time, NULL );
}

livesync_config_t local_config( int port ) {
  livesync_config_t config;
  if( livesync_config_init( &config, sizeof config ) ) fail( "config_init" );
  config.interface = "127.0.0.1";
  config.allow = "127.0.0.1";
  config.port = (uint16_t)port;
  config.loopback = 1;
  config.ipv6 = 1;
  return config;
}

int is_loopback( const uint8_t *ip ) {
  static const uint8_t loopback[16] = { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 127,0,0,1 };
  return !memcmp( ip, loopback, sizeof loopback );
}

void hash_of( uint32_t torrent, uint8_t *info_hash ) {
  memset( info_hash, 0x5a, 20 );
  memcpy( info_hash, &torrent, sizeof torrent );
}

uint32_t number_of( const uint8_t *info_hash ) {
  uint32_t torrent;
  uint8_t expected[20];
  memcpy( &torrent, info_hash, sizeof torrent );
  hash_of( torrent, expected );
  if( memcmp( info_hash, expected, sizeof expected ) ) fail( "a torrent of nobody" );
  return torrent;
}

livesync_peer_t ipv4_peer( uint16_t port, uint8_t flags ) {
  livesync_peer_t peer = { { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 192,0,2,1 }, port, flags, 0 };
  return peer;
}

livesync_peer_t ipv6_peer( uint16_t port, uint8_t flags ) {
  livesync_peer_t peer = { { 0x20,0x01,0x0d,0xb8, 0,0,0,0, 0,0,0,0, 0,0,0,1 }, port, flags, 0 };
  return peer;
}

void announce( livesync_t *handle, uint32_t torrent, livesync_peer_t peer ) {
  uint8_t info_hash[20];
  hash_of( torrent, info_hash );
  if( livesync_announce( handle, info_hash, &peer ) ) fail( "announce" );
}

livesync_stats_t stats_of( livesync_t *handle ) {
  livesync_stats_t stats;
  if( livesync_stats( handle, &stats, sizeof stats ) || stats.size != sizeof stats ) fail( "stats" );
  return stats;
}
