/* The shape of opentracker's ot_accesslist.h of 2009 and early 2010, built with
   WANT_ACCESSLIST_BLACK or _WHITE. */
#ifndef OT_ACCESSLIST_H__
#define OT_ACCESSLIST_H__

int accesslist_hashisvalid( HASH_PARAMETER( hash ) );

typedef enum { OT_PERMISSION_MAY_STAT = 0x2, OT_PERMISSION_MAY_LIVESYNC = 0x4 } ot_permissions;

/* For tracker.c, which defines the function: its name in this generation. */
#define BLESSING accesslist_isblessed
int BLESSING( ot_ip6 ip, ot_permissions permissions );

#endif
