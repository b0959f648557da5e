/* contract SCENARIO PORT [NUMBER]: runs a scenario with the library, and prints in one line
   what was checked. The scenarios share the functions in this file. */

#define _GNU_SOURCE
#include "scenarios.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract.h"

static unsigned long threads_at_start;

static unsigned long number_of_threads(void);
static void *do_nothing(void *unused);
static void say_it_hangs(int signal);

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        scenario *run;
        unsigned number;
    } scenarios[] = {
        {"calls", calls, 0},         {"stops", stops, 0}, {"threads", threads, 20000},
        {"reversals", reversals, 0}, {"idle", idle, 0},   {"pounding", pounding, 0},
        {"interrupts", interrupts, 1000},
    };

    for (size_t i = 0; argc >= 3 && i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(argv[1], scenarios[i].name))
            continue;
        /* Warnings about sources that are not blessed and about equal ids are expected. */
        setenv("LIVESYNC_LOG", "error", 1);
        /* With the first thread, a sanitizer begins one of its own. */
        host_thread(do_nothing, NULL);
        host_join();
        threads_at_start = number_of_threads();
        signal(SIGALRM, say_it_hangs);
        alarm(getenv("CONTRACT_SLOW") ? 1200 : 300);
        scenarios[i].run((uint16_t)atoi(argv[2]), argc > 3 ? (unsigned)atoi(argv[3])
                                                           : scenarios[i].number);
        return 0;
    }
    fprintf(stderr, "usage: %s SCENARIO PORT [NUMBER]\n", argv[0]);
    return 2;
}

static void *do_nothing(void *unused) { return unused; }

static void say_it_hangs(int signal)
{
    broken("signal %d: no end in sight, this is a deadlock", signal);
}

double deinit_limit(void) { return getenv("CONTRACT_SLOW") ? PATIENCE : 0.2; }

/* Returns the time so far, in seconds; 0 if the kernel does not report it. */
static double waited_for_processor(void)
{
    char text[64] = {0};
    char *numbers = text;
    int fd = open("/proc/thread-self/schedstat", O_RDONLY);

    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
        *text = 0;
    close(fd);
    /* The first two numbers are the time on a processor and the time of waiting for one, in
       nanoseconds. */
    strtoull(numbers, &numbers, 10);
    return (double)strtoull(numbers, NULL, 10) / 1e9;
}

double timed_deinit(void)
{
    double waited = waited_for_processor(), start = seconds(), took;

    host_deinit();
    took = seconds() - start;
    waited = waited_for_processor() - waited;
    return waited < took ? took - waited : 0;
}

void end_sync(void)
{
    host_deinit();
    WAIT_FOR(number_of_threads() == threads_at_start);
    host_check_and_free();
}

void set_beacons(const char *first_delay, const char *interval)
{
    setenv("LIVESYNC_FIRST_BEACON_DELAY", first_delay, 1);
    setenv("LIVESYNC_BEACON_INTERVAL", interval, 1);
}

pid_t begin_process(void (*run)(int socket, uint16_t port), int socket, uint16_t port)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run(socket, port);
    _exit(0);
}

void end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static unsigned long number_of_threads(void)
{
    struct stat threads;

    /* Each thread is a directory, besides . and .. */
    return stat("/proc/self/task", &threads) ? 0 : threads.st_nlink - 2;
}
