/* Stands for the iob.h of libowfat before 0.34. */
typedef struct { int entries; } io_batch;
