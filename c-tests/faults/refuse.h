/* System calls that fail on demand. */

#ifndef REFUSE_H
#define REFUSE_H

#include <stddef.h>

/* Descriptors that the library may have, above the standard ones. */
enum { FIRST_FD = 3, LAST_FD = 255 };

/* From now on these system calls fail with this error, in all threads of this process and
   those that they start. */
void refuse( const long *calls, size_t count, int error );

/* Returns the number of open descriptors. */
int descriptors( void );

/* Calls `visit` with each descriptor that is a socket. */
void each_socket( void ( *visit )( int fd ) );

#endif
