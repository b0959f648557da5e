/* Stands for libowfat's io.h: as much of it as ot_livesync.h needs. */
#ifndef IO_H
#define IO_H

#ifndef UINT64_H
#define UINT64_H
typedef signed long int64;
#endif

#endif
