/* Stands for the iob.h of libowfat from 0.34 on. */
typedef struct { int entries; } io_batch;

static inline int iob_init_autofree( io_batch *batch, int hint ) { return batch->entries = hint; }
