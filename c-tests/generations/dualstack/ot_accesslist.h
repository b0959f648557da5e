/* The shape of today's ot_accesslist.h of opentracker, built with
   WANT_ACCESSLIST_BLACK or _WHITE. */
#ifndef OT_ACCESSLIST_H__
#define OT_ACCESSLIST_H__

int accesslist_hashisvalid( ot_hash hash );

typedef enum { OT_PERMISSION_MAY_STAT = 0x2, OT_PERMISSION_MAY_LIVESYNC = 0x4 } ot_permissions;

/* For tracker.c, which defines the function: its name in this generation. */
#define BLESSING accesslist_is_blessed
int BLESSING( ot_ip6 ip, ot_permissions permissions );

#endif
