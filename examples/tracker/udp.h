/* The UDP tracker protocol, BEP 15. */

#ifndef TRACKER_UDP_H
#define TRACKER_UDP_H

#include <netinet/in.h>

/* Opens a socket that serves at this address (port 0: any free one, filled in). Clients are
   asked to announce every interval seconds. */
int udp_open(struct sockaddr_in *address, unsigned interval);

/* Answers the requests that wait on the socket; returns after a bounded number of them. */
void udp_serve(int socket);

#endif
