/* A small BitTorrent tracker that embeds live sync, to read and to try.

   It serves the UDP tracker protocol (BEP 15) from a table shaped like
   opentracker's, and keeps that table in step with the other trackers of its
   cluster by the functions of ot_livesync.h:

     livesync_bind_mcast  here, during setup: joins the sync group
     livesync_init        here, once g_tracker_id is drawn: starts the library's thread
     livesync_ticker      here, after every turn of the main loop
     livesync_tell        table.c, for every local announce, its bucket locked
     livesync_deinit      here, on the way out: stops the thread

   The sixth, handle_livesync, is for programs that receive in their own loop; here the
   library's receive thread receives. The library in turn finds the functions and variables
   that it needs of us by their names:

     table.c  torrents, peers, bucket locks
     host.c   clock, tracker id, allowed addresses, fatal errors

   udp.c speaks to the clients, and knows nothing of other trackers.

     cc -O2 -DWANT_SYNC_LIVE -DLIVESYNC_STANDALONE -I../../include *.c \
        liblivesync.a -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc -o tracker

   Without -DWANT_SYNC_LIVE it is a tracker that stands alone. */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "host.h"
#include "ot_livesync.h"
#include "table.h"
#include "udp.h"

static const char usage[] =
    "usage: tracker [-h] [-v] [-l ADDRESS] [-p PORT] [-s ADDRESS] [-S PORT] [-A ADDRESS]...\n"
    "               [-i SECONDS] [-e SECONDS]\n"
    "  -l ADDRESS  IPv4 address to serve announces on        (default 0.0.0.0)\n"
    "  -p PORT     UDP port to serve announces on, 0 for any (default 6969)\n"
    "  -s ADDRESS  IPv4 address of the interface to sync on  (default: no sync)\n"
    "  -S PORT     UDP port of the sync group                (default 9696)\n"
    "  -A ADDRESS  accept sync packets from ADDRESS too; may be repeated\n"
    "  -i SECONDS  announce interval for clients             (default 1800)\n"
    "  -e SECONDS  lifetime of a peer without an announce    (default 2700)\n"
    "  -v          log each change of a peer\n"
    "  -h          show this help\n";

enum { MAX_SECONDS = 7 * 24 * 3600 };

struct options {
    struct sockaddr_in serve;
    struct in_addr sync_address;
    uint16_t sync_port;
    unsigned interval;
    unsigned expiry;
};

static struct options parse_options(int argc, char **argv);
static unsigned parse_number(int option, const char *text, unsigned min, unsigned max);
static struct in_addr parse_address(int option, const char *text);
_Noreturn static void refuse(const char *format, ...);
static int open_signals(void);
static void start_sync(struct in_addr address, uint16_t port);
static void say_ready(const struct options *options);
static void serve(int udp, int signals);

int main(int argc, char **argv)
{
    struct options options = parse_options(argc, argv);
    unsigned seed;

    setvbuf(stdout, NULL, _IOLBF, 0);
    g_now_seconds = time(NULL);
    random_bytes(&seed, sizeof seed);
    srandom(seed);
    table_init(options.expiry);

    int signals = open_signals();
    int udp = udp_open(&options.serve, options.interval);
    if (g_syncing)
        start_sync(options.sync_address, options.sync_port);
    say_ready(&options);

    serve(udp, signals);

    g_opentracker_running = 0;
    if (g_syncing) {
        livesync_deinit();
    }
    close(udp);
    close(signals);
    table_free();
    return 0;
}

static struct options parse_options(int argc, char **argv)
{
    struct options options = {
        .serve = {.sin_family = AF_INET, .sin_port = htons(6969)},
        .sync_port = 9696,
        .interval = 1800,
        .expiry = 2700,
    };
    int option;

    while ((option = getopt(argc, argv, ":hvl:p:s:S:A:i:e:")) != -1) {
        switch (option) {
        case 'h':
            fputs(usage, stdout);
            printf("%.*s\n", (int)strcspn(g_version_livesync_c, "\n"), g_version_livesync_c);
            exit(0);
        case 'v':
            g_verbose = 1;
            break;
        case 'l':
            options.serve.sin_addr = parse_address(option, optarg);
            break;
        case 'p':
            options.serve.sin_port = htons((uint16_t)parse_number(option, optarg, 0, 65535));
            break;
        case 's':
            options.sync_address = parse_address(option, optarg);
            g_syncing = 1;
            break;
        case 'S':
            options.sync_port = (uint16_t)parse_number(option, optarg, 1, 65535);
            break;
        case 'A':
            accesslist_bless(parse_address(option, optarg));
            break;
        case 'i':
            options.interval = parse_number(option, optarg, 1, MAX_SECONDS);
            break;
        case 'e':
            options.expiry = parse_number(option, optarg, 1, MAX_SECONDS);
            break;
        case ':':
            refuse("-%c wants a value", optopt);
        default:
            refuse("unknown option -%c", optopt);
        }
    }
    if (optind < argc)
        refuse("unexpected argument '%s'", argv[optind]);
    if (g_syncing)
        accesslist_bless(options.sync_address);
    return options;
}

static unsigned parse_number(int option, const char *text, unsigned min, unsigned max)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (!isdigit((unsigned char)*text) || *end || number < min || number > max)
        refuse("-%c wants a number from %u to %u, not '%s'", option, min, max, text);
    return (unsigned)number;
}

static struct in_addr parse_address(int option, const char *text)
{
    struct in_addr address;

    if (inet_pton(AF_INET, text, &address) != 1)
        refuse("-%c wants an IPv4 address, not '%s'", option, text);
    return address;
}

static void refuse(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("tracker: ", stderr);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n%s", usage);
    va_end(arguments);
    exit(2);
}

/* SIGINT and SIGTERM arrive as input to the main loop. They are blocked before the library
   starts its thread, so that they are blocked in that thread, too. */
static int open_signals(void)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd < 0)
        exerr("signalfd failed");
    return fd;
}

static void start_sync(struct in_addr address, uint16_t port)
{
#ifdef WANT_SYNC_LIVE
    livesync_bind_mcast((char *)&address, port);
    random_bytes(&g_tracker_id, sizeof g_tracker_id);
    livesync_init();
#else
    (void)address, (void)port;
    exerr("-s: built without live sync (-DWANT_SYNC_LIVE)");
#endif
}

static void say_ready(const struct options *options)
{
    char ip[INET_ADDRSTRLEN];

    printf("tracker: serving udp://%s:%d, ",
           inet_ntop(AF_INET, &options->serve.sin_addr, ip, sizeof ip),
           ntohs(options->serve.sin_port));
    if (g_syncing)
        printf("syncing on %s port %d\n",
               inet_ntop(AF_INET, &options->sync_address, ip, sizeof ip), options->sync_port);
    else
        puts("not syncing");
}

/* Runs the main loop until a signal arrives. */
static void serve(int udp, int signals)
{
    struct pollfd inputs[] = {
        {.fd = udp, .events = POLLIN},
        {.fd = signals, .events = POLLIN},
    };

    while (!inputs[1].revents) {
        if (poll(inputs, 2, 1000) < 0 && errno != EINTR)
            exerr("poll failed");
        g_now_seconds = time(NULL);
        if (inputs[0].revents)
            udp_serve(udp);
        table_expire();
        if (g_syncing) {
            livesync_ticker();
        }
    }
}
