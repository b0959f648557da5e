/* Every function of livesync.h, called with sensible arguments. */

#ifndef EVERY_H
#define EVERY_H

#include "common.h"

struct function {
  const char *name;
  int ( *call )( livesync_t *handle );
};

/* The functions that take a handle, up to one without a name; livesync_close is not among
   them. */
extern const struct function with_handle[];

#endif
