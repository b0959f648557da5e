/* The shape of opentracker's ot_stats.h from 24 March 2009 on. */
#ifndef OT_STATS_H__
#define OT_STATS_H__

typedef enum {
  EVENT_ACCEPT, EVENT_READ, EVENT_CONNECT, EVENT_ANNOUNCE, EVENT_COMPLETED, EVENT_RENEW, EVENT_SYNC
} ot_status_event;

void stats_issue_event( ot_status_event event, PROTO_FLAG proto, uintptr_t event_data );

#endif
