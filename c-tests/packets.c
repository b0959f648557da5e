/* packets ADDRESS PORT: prints a line for every packet to the sync group that
   arrives at the interface with this address, until it is killed:

     packet from=ADDRESS type=NUMBER length=BYTES */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ot_livesync.h"

static int join( const char *interface, int port ) {
  struct sockaddr_in group = { .sin_family = AF_INET, .sin_port = htons( (uint16_t)port ) };
  struct ip_mreq membership;
  int buffer = 64 << 20, fd = socket( AF_INET, SOCK_DGRAM, 0 );
  inet_pton( AF_INET, "224.0.42.5", &group.sin_addr );
  inet_pton( AF_INET, interface, &membership.imr_interface );
  membership.imr_multiaddr = group.sin_addr;
  if( setsockopt( fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer ) ||
      bind( fd, (struct sockaddr *)&group, sizeof group ) ||
      setsockopt( fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership ) ) {
    perror( "packets" );
    exit( 1 );
  }
  return fd;
}

int main( int argc, char **argv ) {
  static unsigned char packet[65536];
  if( argc != 3 ) return 2;
  int fd = join( argv[1], atoi( argv[2] ) );
  puts( "listening" );
  for( ;; ) {
    struct sockaddr_in from;
    socklen_t from_length = sizeof from;
    uint32_t type = 0;
    char ip[INET_ADDRSTRLEN];
    fflush( stdout );
    ssize_t length = recvfrom( fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &from_length );
    if( length < 0 ) return 1;
    if( length >= 8 ) memcpy( &type, packet + 4, sizeof type );
    printf( "packet from=%s type=%u length=%zd\n", inet_ntop( AF_INET, &from.sin_addr, ip, sizeof ip ), ntohl( type ), length );
  }
}
