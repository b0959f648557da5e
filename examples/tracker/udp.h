/* The UDP tracker protocol, BEP 15. */

#ifndef TRACKER_UDP_H
#define TRACKER_UDP_H

#include <netinet/in.h>

/* A socket that serves at this address (port 0: any free one, filled in);
   clients are told to announce every interval seconds. */
int udp_open(struct sockaddr_in *address, unsigned interval);

/* Answers what is waiting on the socket; returns after a bounded number. */
void udp_serve(int socket);

#endif
