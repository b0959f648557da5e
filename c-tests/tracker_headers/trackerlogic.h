/* Stands for the tracker's trackerlogic.h: as much of it as ot_livesync.h needs. */
#ifndef __OT_TRACKERLOGIC_H__
#define __OT_TRACKERLOGIC_H__

#include <stdint.h>

typedef uint8_t ot_hash[20];
typedef struct { uint8_t data[8]; } ot_peer;

#endif
