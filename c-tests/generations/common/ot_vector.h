/* The shape of opentracker's ot_vector.h, the same in all generations. */
#ifndef OT_VECTOR_H__
#define OT_VECTOR_H__

typedef struct {
  void  *data;
  size_t size;
  size_t space;
} ot_vector;

void *binary_search( const void * const key, const void * base, const size_t member_count, const size_t member_size,
                     size_t compare_size, int *exactmatch );
void *vector_find_or_insert( ot_vector *vector, void *key, size_t member_size, size_t compare_size, int *exactmatch );
void  vector_remove_torrent( ot_vector *vector, ot_torrent *match );

#endif
