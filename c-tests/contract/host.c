/* The six functions as the tracker calls them, its clock, and its end. */

#include "contract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "place.h"
#include "rules.h"

/* The variables that the library finds by name, besides the functions of functions.c. */
time_t g_now_seconds;
volatile int g_opentracker_running = 1;
uint32_t g_tracker_id;
void exerr(char *message);
#ifdef WIDE
void handle_udp6(int64 serversocket);
void handle_udp6(int64 serversocket) { (void)serversocket; }
#endif
#ifdef EVENT_6
int load_state(const char *state_filename);
int load_state(const char *state_filename) { return !state_filename; }
#endif

#ifdef WIDE
const unsigned char localhost[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
#else
const unsigned char localhost[] = {127, 0, 0, 1};
#endif

__attribute__((constructor)) static void set_clock(void)
{
    __atomic_store_n(&g_now_seconds, time(NULL), __ATOMIC_RELAXED);
}

void host_sync(uint16_t port, uint32_t id)
{
    host_bind(port);
    host_init(id);
}

void host_bind(uint16_t port)
{
    char ip[ADDRESS_SIZE];

    memcpy(ip, localhost, sizeof ip);
    go_to(IN_BIND);
    livesync_bind_mcast(ip, port);
    go_to(ELSEWHERE);
    memset(ip, 0xee, sizeof ip);
}

void host_init(uint32_t id)
{
    g_tracker_id = id;
    library_starts();
    go_to(IN_INIT);
    livesync_init();
    go_to(ELSEWHERE);
}

void host_ticker(void)
{
    __atomic_store_n(&g_now_seconds, time(NULL), __ATOMIC_RELAXED);
    go_to(IN_TICKER);
    livesync_ticker();
    go_to(ELSEWHERE);
    if (locked_bucket() >= 0)
        broken("livesync_ticker has left bucket %d locked", locked_bucket());
}

void host_handle(int socket)
{
    go_to(IN_HANDLE);
    handle_livesync(socket);
    go_to(ELSEWHERE);
    if (locked_bucket() >= 0)
        broken("handle_livesync has left bucket %d locked", locked_bucket());
}

void host_deinit(void)
{
    int errno_before = errno;
    double begin = seconds();
    enum place interrupted = go_to(IN_DEINIT);

    errno = EXDEV;
    livesync_deinit();
    go_to(interrupted);
    /* A thread that got no processor during the whole wait may be about to call. */
    library_has_stopped(seconds() - begin < 0.14);
    if (errno != EXDEV)
        broken("livesync_deinit changes errno");
    errno = errno_before;
    /* If the tracker itself delays a call, the call may go on, but livesync_deinit must wait
       for it. */
    if (library_is_calling() && seconds() - begin < 0.1)
        broken("livesync_deinit does not wait for a call that goes on");
}

void exerr(char *message)
{
    fprintf(stderr, "%s\n", message);
    exit(111);
}

void set_running(bool running)
{
    __atomic_store_n(&g_opentracker_running, running, __ATOMIC_SEQ_CST);
}

bool is_running(void) { return __atomic_load_n(&g_opentracker_running, __ATOMIC_SEQ_CST); }

double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

time_t now_minutes(void) { return __atomic_load_n(&g_now_seconds, __ATOMIC_RELAXED) / 60; }
