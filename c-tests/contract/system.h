/* The layer below the tracker and the library: memory, the network, sleep. */

#ifndef SYSTEM_H
#define SYSTEM_H

#include <stddef.h>

/* Returns memory of the host itself, as realloc() does; there is always enough. */
void *allocate(void *memory, size_t size);

#endif
