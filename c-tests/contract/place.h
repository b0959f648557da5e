/* The work of the host's threads. A signal handler looks at it, too, for the thread that it
   has interrupted. */

#ifndef PLACE_H
#define PLACE_H

#include "contract.h"

/* Returns whether the calling thread is the host's, and not the library's. */
bool is_of_host(void);

/* Sets the work of the calling thread, and returns the work before. */
enum place go_to(enum place place);

/* Returns the bucket that the calling thread has locked; -1 for none. */
int locked_bucket(void);
void set_locked_bucket(int bucket);

#endif
