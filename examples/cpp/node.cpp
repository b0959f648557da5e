// A node of a cluster with callbacks from the library's receive thread. It announces two peers
// every second, prints what the others announce, and ends at the end of standard input.
//
//   c++ -std=c++17 -O2 -o node examples/cpp/node.cpp $(pkg-config --cflags --libs livesync)
//   ./node 127.0.0.1 9696 7001

#include <cstdlib>
#include <iostream>
#include <string>

#include <arpa/inet.h>
#include <poll.h>
#include <unistd.h>

#include "livesync.hpp"

namespace {

constexpr int announce_interval_ms = 1000;

livesync::config settings( const std::string &interface, std::uint16_t port );
void announce_peers( livesync::handle &node, std::uint16_t peer_port, std::uint8_t stopped );
bool input_ended_within( int timeout_ms );
void print( char sign, const livesync::info_hash &hash, const livesync::peer &peer );
std::string text_of( const std::uint8_t *ip );
std::uint16_t port_of( const char *text );

}

int main( int argc, char **argv ) try {
  const std::uint16_t port = argc == 4 ? port_of( argv[2] ) : 0;
  const std::uint16_t peer_port = argc == 4 ? port_of( argv[3] ) : 0;
  if( !port || !peer_port ) {
    std::cerr << "usage: node INTERFACE PORT PEER_PORT\n";
    return 2;
  }
  livesync::handle node( settings( argv[1], port ) );
  node.start();
  do announce_peers( node, peer_port, 0 );
  while( !input_ended_within( announce_interval_ms ) );
  announce_peers( node, peer_port, LIVESYNC_PEER_STOPPED );
  return 0; // the destructor sends the last announces and closes the handle
} catch( const livesync::error &e ) {
  std::cerr << "node: " << e.what() << '\n';
  return 1;
}

namespace {

livesync::config settings( const std::string &interface, std::uint16_t port ) {
  livesync::config config;
  config.interface = interface;
  config.allow = interface; // the other nodes are on this host, too
  config.port = port;
  config.loopback = 1;
  config.ipv6 = 1;
  config.add_peer = []( auto &hash, auto &peer ) { print( '+', hash, peer ); };
  config.remove_peer = []( auto &hash, auto &peer ) { print( '-', hash, peer ); };
  return config;
}

void announce_peers( livesync::handle &node, std::uint16_t peer_port, std::uint8_t stopped ) {
  livesync::info_hash hash;
  hash.fill( 0xab );
  livesync::peer ipv4 = { { 0,0,0,0, 0,0,0,0, 0,0,0xff,0xff, 192,0,2,1 }, peer_port, LIVESYNC_PEER_SEEDING, 0 };
  livesync::peer ipv6 = { { 0x20,0x01,0x0d,0xb8, 0,0,0,0, 0,0,0,0, 0,0,0,1 }, peer_port, 0, 0 };
  if( stopped ) ipv4.flags = ipv6.flags = stopped;
  node.announce( hash, ipv4 );
  node.announce( hash, ipv6 );
}

bool input_ended_within( int timeout_ms ) {
  pollfd input = { STDIN_FILENO, POLLIN, 0 };
  char ignored[256];
  return poll( &input, 1, timeout_ms ) > 0 && read( STDIN_FILENO, ignored, sizeof ignored ) <= 0;
}

// Only the library's thread calls this, so lines do not mix.
void print( char sign, const livesync::info_hash &hash, const livesync::peer &peer ) {
  std::cout << sign << ' ';
  for( auto byte : hash ) std::cout << "0123456789abcdef"[byte >> 4] << "0123456789abcdef"[byte & 15];
  std::cout << ' ' << text_of( peer.ip ) << ' ' << peer.port << std::endl;
}

// IPv4 addresses come as ::ffff:a.b.c.d.
std::string text_of( const std::uint8_t *ip ) {
  constexpr char mapped[] = "::ffff:";
  char text[INET6_ADDRSTRLEN];
  const std::string ipv6 = inet_ntop( AF_INET6, ip, text, sizeof text );
  return ipv6.compare( 0, sizeof mapped - 1, mapped ) ? ipv6 : ipv6.substr( sizeof mapped - 1 );
}

// Returns 0 if the text is not a port.
std::uint16_t port_of( const char *text ) {
  char *end;
  const unsigned long port = std::strtoul( text, &end, 10 );
  return *end || port > UINT16_MAX ? 0 : static_cast<std::uint16_t>( port );
}

}
