/* Preloaded by LD_PRELOAD, it sets a program's wall clock ahead of the system's. The file
   CLOCK_AHEAD contains the number of seconds, as a number of 8 bytes. */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t nothing;
static const volatile int64_t *ahead = &nothing;

__attribute__((constructor)) static void map(void)
{
    int fd = open(getenv("CLOCK_AHEAD"), O_RDONLY);
    void *number = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, fd, 0);

    if (number == MAP_FAILED)
        abort();
    ahead = number;
    close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (!result && clock == CLOCK_REALTIME)
        now->tv_sec += *ahead;
    return result;
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
