#define _GNU_SOURCE
#include "place.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "system.h"

static _Thread_local struct {
    bool of_host;
    volatile enum place place;
    volatile int bucket; /* the locked bucket, plus 1; 0 for none */
} self;

static pthread_t threads[64];
static int thread_count;

__attribute__((constructor)) static void prepare_main_thread(void) { self.of_host = true; }

bool is_of_host(void) { return self.of_host; }

enum place host_place(void) { return self.place; }

enum place go_to(enum place place)
{
    enum place before = self.place;

    self.place = place;
    return before;
}

int locked_bucket(void) { return self.bucket - 1; }

void set_locked_bucket(int bucket) { self.bucket = bucket + 1; }

struct task {
    void *(*run)(void *);
    void *argument;
};

static void *run_as_host(void *argument)
{
    struct task task = *(struct task *)argument;

    free(argument);
    self.of_host = true;
    return task.run(task.argument);
}

void host_thread(void *(*run)(void *), void *argument)
{
    struct task *task = allocate(NULL, sizeof *task);
    sigset_t all, before;

    *task = (struct task){run, argument};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (thread_count == (int)(sizeof threads / sizeof *threads) ||
        pthread_create(&threads[thread_count++], NULL, run_as_host, task))
        broken("(the test itself: no more threads)");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void host_join(void)
{
    while (thread_count)
        pthread_join(threads[--thread_count], NULL);
}
