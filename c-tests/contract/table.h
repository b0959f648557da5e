/* The host's torrents, in buckets with a lock each. */

#ifndef TABLE_H
#define TABLE_H

#include "contract.h"

int bucket_of(const void *hash);

/* Locks a bucket for the calling thread, which has none locked. */
ot_vector *table_lock(int bucket);

/* Unlocks a bucket that has grown by this many torrents. */
void table_unlock(int bucket, int delta);

/* Returns the number of torrents, which is the sum of the deltas. */
size_t table_count(void);

/* Returns whether this is the vector of the bucket that the calling thread has locked. */
bool table_has_locked(const ot_vector *vector);

/* Breaks the contract unless a locked bucket is in order. */
void table_check(int bucket);

/* Returns the index of the element that begins with key, or the place where it would be. */
size_t vector_search(const ot_vector *vector, const void *key, size_t element_size,
                     size_t compare_size, bool *found);

/* Makes room for an element, whose bytes the caller sets. */
void *vector_insert(ot_vector *vector, size_t index, size_t element_size);

#endif
