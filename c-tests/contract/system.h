/* What is below the tracker and the library: memory, the network, sleep. */

#ifndef SYSTEM_H
#define SYSTEM_H

#include <stddef.h>

/* The host's own memory, as realloc() gives it; there is always enough. */
void *allocate(void *memory, size_t size);

#endif
