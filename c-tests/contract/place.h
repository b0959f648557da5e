/* What the threads of the host are doing. A signal handler looks at this, too, for the
   thread that it has interrupted. */

#ifndef PLACE_H
#define PLACE_H

#include "contract.h"

/* Whether the calling thread is the host's, not the library's. */
bool is_of_host(void);

/* From now on the calling thread is there; where it was. */
enum place go_to(enum place place);

/* The bucket that the calling thread has locked; -1 for none. */
int locked_bucket(void);
void set_locked_bucket(int bucket);

#endif
