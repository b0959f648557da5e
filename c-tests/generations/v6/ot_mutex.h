/* The shape of opentracker's ot_mutex.h of 2009 and early 2010. */
#ifndef OT_MUTEX_H__
#define OT_MUTEX_H__

ot_vector *mutex_bucket_lock( int bucket );
ot_vector *mutex_bucket_lock_by_hash( HASH_PARAMETER( hash ) );
void       mutex_bucket_unlock( int bucket, int delta_torrentcount );
void       mutex_bucket_unlock_by_hash( HASH_PARAMETER( hash ), int delta_torrentcount );
size_t     mutex_get_torrent_count();

#endif
