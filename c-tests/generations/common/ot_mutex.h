/* The shape of opentracker's ot_mutex.h from 2010 on. */
#ifndef OT_MUTEX_H__
#define OT_MUTEX_H__

ot_vector *mutex_bucket_lock( int bucket );
ot_vector *mutex_bucket_lock_by_hash( ot_hash const hash );
void       mutex_bucket_unlock( int bucket, int delta_torrentcount );
void       mutex_bucket_unlock_by_hash( ot_hash const hash, int delta_torrentcount );
size_t     mutex_get_torrent_count();

#endif
