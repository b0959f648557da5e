/* Stands for libowfat's io.h: as much of it as the adapters need. */
#ifndef IO_H
#define IO_H

typedef signed long int64;

#endif
