#include "udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "host.h"
#include "table.h"

/* The "connection id" of every connect request. */
static const uint8_t protocol_id[8] = {0, 0, 0x04, 0x17, 0x27, 0x10, 0x19, 0x80};

enum { CONNECT, ANNOUNCE, SCRAPE, ERROR };
enum { EVENT_COMPLETED = 1, EVENT_STOPPED = 3 };

/* Offsets in requests. */
enum { ACTION = 8, TRANSACTION_ID = 12, HEADER_SIZE = 16 };
enum { INFO_HASH = 16, LEFT = 64, EVENT = 80, NUM_WANT = 92, PORT = 96, ANNOUNCE_SIZE = 98 };

enum { DEFAULT_NUM_WANT = 50, MAX_NUM_WANT = 200, MAX_SCRAPE = 74 };
enum { MAX_PACKET = 2048, PACKETS_PER_TURN = 64, RECEIVE_BUFFER = 4 << 20 };

/* BEP 15 wants a connection id to be valid for two minutes. Ours is valid for the window of
   this many seconds in which it is issued, and for the next one. */
enum { CONNECTION_WINDOW = 120 };

static uint64_t connection_key[2];
static unsigned announce_interval;

static size_t answer(const uint8_t *request, size_t length, struct in_addr client, uint8_t *reply);
static size_t answer_connect(struct in_addr client, uint8_t *reply);
static size_t answer_announce(const uint8_t *request, struct in_addr client, uint8_t *reply);
static size_t answer_scrape(const uint8_t *request, size_t length, uint8_t *reply);
static size_t answer_error(const char *message, uint8_t *reply);
static uint64_t connection_id(struct in_addr client, uint32_t window);
static int connection_id_valid(const uint8_t *request, struct in_addr client);
static uint32_t current_window(void);
static uint64_t siphash24(const uint64_t key[2], uint64_t message);
static uint32_t get32(const uint8_t *in);
static void put32(uint8_t *out, uint32_t number);

int udp_open(struct sockaddr_in *address, unsigned interval)
{
    int receive_buffer = RECEIVE_BUFFER;
    socklen_t length = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)address, length) < 0 ||
        getsockname(fd, (struct sockaddr *)address, &length) < 0) {
        char ip[INET_ADDRSTRLEN], message[128];
        snprintf(message, sizeof message, "cannot serve udp://%s:%d: %s",
                 inet_ntop(AF_INET, &address->sin_addr, ip, sizeof ip), ntohs(address->sin_port),
                 strerror(errno));
        exerr(message);
    }
    /* A large buffer for bursts; the system grants as much of it as it allows. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    random_bytes(connection_key, sizeof connection_key);
    announce_interval = interval;
    return fd;
}

void udp_serve(int socket)
{
    uint8_t request[MAX_PACKET], reply[MAX_PACKET];
    struct sockaddr_in client;

    for (int i = 0; i < PACKETS_PER_TURN; i++) {
        socklen_t client_length = sizeof client;
        ssize_t length = recvfrom(socket, request, sizeof request, MSG_DONTWAIT,
                                  (struct sockaddr *)&client, &client_length);
        if (length < 0)
            return;
        size_t reply_length = answer(request, (size_t)length, client.sin_addr, reply);
        /* Without a reply the client repeats its request. */
        if (reply_length)
            sendto(socket, reply, reply_length, MSG_DONTWAIT, (struct sockaddr *)&client,
                   client_length);
    }
}

/* Returns the length of the reply, or 0 for none. */
static size_t answer(const uint8_t *request, size_t length, struct in_addr client, uint8_t *reply)
{
    if (length < HEADER_SIZE)
        return 0;

    uint32_t action = get32(request + ACTION);
    int whole = (action == ANNOUNCE && length >= ANNOUNCE_SIZE) ||
                (action == SCRAPE && length >= HEADER_SIZE + sizeof(ot_hash));

    memcpy(reply + 4, request + TRANSACTION_ID, 4);
    if (action == CONNECT)
        return memcmp(request, protocol_id, 8) ? 0 : answer_connect(client, reply);
    /* An address may be forged until a connection id confirms it: until then it never gets
       more bytes than it sent. */
    if (!connection_id_valid(request, client))
        return whole ? answer_error("connection id is not valid", reply) : 0;
    if (!whole)
        return answer_error("malformed request", reply);
    return action == ANNOUNCE ? answer_announce(request, client, reply)
                              : answer_scrape(request, length, reply);
}

static size_t answer_connect(struct in_addr client, uint8_t *reply)
{
    uint64_t id = connection_id(client, current_window());

    put32(reply, CONNECT);
    memcpy(reply + 8, &id, sizeof id);
    return 16;
}

static size_t answer_announce(const uint8_t *request, struct in_addr client, uint8_t *reply)
{
    ot_hash hash;
    ot_peer peer = {{0}};
    uint32_t event = get32(request + EVENT);
    int32_t num_want = (int32_t)get32(request + NUM_WANT);
    char *body = (char *)reply + 12;
    size_t length;

    memcpy(hash, request + INFO_HASH, sizeof hash);
    /* The source of the packet counts, whatever address the request names. */
    memcpy(peer.data + PEER_IP, &client, 4);
    memcpy(peer.data + PEER_PORT, request + PORT, 2);
    if (!peer.data[PEER_PORT] && !peer.data[PEER_PORT + 1])
        return answer_error("port 0 cannot be reached", reply);
    if (!get32(request + LEFT) && !get32(request + LEFT + 4))
        peer.data[PEER_FLAGS] |= PEER_FLAG_SEEDING;
    if (event == EVENT_COMPLETED)
        peer.data[PEER_FLAGS] |= PEER_FLAG_COMPLETED;
    if (num_want < 0)
        num_want = DEFAULT_NUM_WANT;
    if (num_want > MAX_NUM_WANT)
        num_want = MAX_NUM_WANT;

    if (event == EVENT_STOPPED)
        length = remove_peer_from_torrent(&hash, &peer, body, FLAG_UDP);
    else
        length = add_peer_to_torrent_and_return_peers(&hash, &peer, FLAG_UDP, (size_t)num_want,
                                                      body);
    if (!length)
        return answer_error("out of memory", reply);
    put32(reply, ANNOUNCE);
    put32(reply + 8, announce_interval);
    return 12 + length;
}

static size_t answer_scrape(const uint8_t *request, size_t length, uint8_t *reply)
{
    size_t torrents = (length - HEADER_SIZE) / sizeof(ot_hash);

    if (torrents > MAX_SCRAPE)
        torrents = MAX_SCRAPE;
    put32(reply, SCRAPE);
    for (size_t i = 0; i < torrents; i++) {
        ot_hash hash;
        memcpy(hash, request + HEADER_SIZE + i * sizeof hash, sizeof hash);
        table_scrape(&hash, (char *)reply + 8 + 12 * i);
    }
    return 8 + 12 * torrents;
}

static size_t answer_error(const char *message, uint8_t *reply)
{
    size_t length = strlen(message);

    put32(reply, ERROR);
    memcpy(reply + 8, message, length);
    return 8 + length;
}

/* Nothing is stored for a client: its id is a keyed hash of its address and the time, which
   only we can compute. */
static uint64_t connection_id(struct in_addr client, uint32_t window)
{
    return siphash24(connection_key, (uint64_t)client.s_addr << 32 | window);
}

static int connection_id_valid(const uint8_t *request, struct in_addr client)
{
    uint32_t window = current_window();
    uint64_t id;

    memcpy(&id, request, sizeof id);
    return id == connection_id(client, window) || id == connection_id(client, window - 1);
}

static uint32_t current_window(void)
{
    return (uint32_t)(g_now_seconds / CONNECTION_WINDOW);
}

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], int rounds)
{
    while (rounds--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

/* SipHash-2-4 (Aumasson and Bernstein) of a message of exactly eight bytes,
   given as a little endian number: one block, then the block with the length. */
static uint64_t siphash24(const uint64_t key[2], uint64_t message)
{
    const uint64_t blocks[2] = {message, UINT64_C(8) << 56};
    uint64_t v[4] = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };

    for (int i = 0; i < 2; i++) {
        v[3] ^= blocks[i];
        sip_rounds(v, 2);
        v[0] ^= blocks[i];
    }
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint32_t get32(const uint8_t *in)
{
    uint32_t number;
    memcpy(&number, in, sizeof number);
    return ntohl(number);
}

static void put32(uint8_t *out, uint32_t number)
{
    number = htonl(number);
    memcpy(out, &number, sizeof number);
}
