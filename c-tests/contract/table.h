/* The host's torrents, in buckets that are locked each by itself. */

#ifndef TABLE_H
#define TABLE_H

#include "contract.h"

int bucket_of(const void *hash);

/* Locks a bucket for the calling thread, which has none locked. */
ot_vector *table_lock(int bucket);

/* Unlocks a bucket that has so many more torrents than before. */
void table_unlock(int bucket, int delta);

/* How many torrents there are: what the deltas sum up to. */
size_t table_count(void);

/* Whether this is the vector of the bucket that the calling thread has locked. */
bool table_has_locked(const ot_vector *vector);

/* Breaks the contract unless a bucket, which is locked, is in order. */
void table_check(int bucket);

/* The index of the member that begins with key, or where it would have to be. */
size_t vector_search(const ot_vector *vector, const void *key, size_t member_size,
                     size_t compare_size, bool *found);

/* Makes room for a member, whose bytes the caller sets. */
void *vector_insert(ot_vector *vector, size_t index, size_t member_size);

#endif
