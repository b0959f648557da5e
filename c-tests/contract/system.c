#define _GNU_SOURCE
#include "system.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "place.h"

/* The linker calls __wrap_NAME instead of the C library's NAME, which is __real_NAME here. */
void *__wrap_malloc(size_t size), *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size), *__real_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size), *__real_realloc(void *old, size_t size);
void __wrap_free(void *old), __real_free(void *old);
ssize_t __wrap_send(int socket, const void *packet, size_t length, int flags);
ssize_t __real_send(int socket, const void *packet, size_t length, int flags);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left);
int __real_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left);
typedef void destructor(void *object);
int __wrap___cxa_thread_atexit_impl(destructor *run, void *object, void *dso);
int __real___cxa_thread_atexit_impl(destructor *run, void *object, void *dso);

atomic_bool rough_network;
_Atomic enum memory memory;

static _Atomic long long slept;

long long slept_in_deinit(void) { return slept; }

void *allocate(void *memory, size_t size)
{
    enum place before = host_place();

    if (before == ELSEWHERE)
        go_to(IN_MALLOC);
    memory = realloc(memory, size);
    go_to(before);
    if (!memory)
        broken("(the test itself: no memory)");
    return memory;
}

static void check_may_allocate(void)
{
    if (host_place() == IN_DEINIT)
        broken("livesync_deinit allocates or frees memory");
}

void *__wrap_malloc(size_t size)
{
    check_may_allocate();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    check_may_allocate();
    if (memory == NONE_FOR_PEER_LISTS && locked_bucket() >= 0)
        return NULL;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    check_may_allocate();
    return __real_realloc(old, size);
}

void __wrap_free(void *old)
{
    check_may_allocate();
    __real_free(old);
}

/* The library's packets leave here. A slow network gives other threads time to be faster,
   and a full one takes the packet later. */
ssize_t __wrap_send(int socket, const void *packet, size_t length, int flags)
{
    static atomic_uint packets;

    if (rough_network && packets++ % 4 == 0)
        usleep(50);
    if (rough_network && packets % 7 == 0) {
        errno = EAGAIN;
        return -1;
    }
    return __real_send(socket, packet, length, flags);
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
    if (host_place() == IN_DEINIT)
        slept += time->tv_sec * 1000000000LL + time->tv_nsec;
    return __real_nanosleep(time, left);
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                           struct timespec *left)
{
    if (host_place() == IN_DEINIT)
        slept += time->tv_sec * 1000000000LL + time->tv_nsec;
    return __real_clock_nanosleep(clock, flags, time, left);
}

/* exit() runs the destructors of the thread's variables. It crashes in a signal handler
   that has interrupted the C library adding one. */
int __wrap___cxa_thread_atexit_impl(destructor *run, void *object, void *dso)
{
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    if (is_of_host() && !sigismember(&blocked, SIGINT))
        broken("%s adds a destructor to a thread that takes signals", place_names[host_place()]);
    return __real___cxa_thread_atexit_impl(run, object, dso);
}
