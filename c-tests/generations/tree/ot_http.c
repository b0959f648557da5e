/* The part of the tracker's HTTP that depends on libowfat's version. */
#include "iob.h"

void http_begin( io_batch *batch );

void http_begin( io_batch *batch ) {
#ifndef WANT_NO_AUTO_FREE
  iob_init_autofree( batch, 0 );
#endif
  (void)batch;
}
