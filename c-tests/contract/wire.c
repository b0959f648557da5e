#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "contract.h"

static struct sockaddr_in group(uint16_t port);
static struct packet begin(uint32_t from, enum packet_type type);
static void put(struct packet *packet, const void *bytes, size_t length);
static void put_number(struct packet *packet, uint32_t number);

int wire_join(uint16_t port)
{
    struct sockaddr_in address = group(port);
    struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    struct ip_mreq membership = {address.sin_addr, loopback};
    int on = 1, size = 4 << 20, fd = socket(AF_INET, SOCK_DGRAM, 0);

    /* Flow control makes up for a smaller buffer. But a process that counts must miss no
       packet while it has no processor. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&address, sizeof address) ||
        setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback))
        broken("(the test itself: cannot join the group)");
    return fd;
}

void wire_send(int socket, uint16_t port, const struct packet *packet)
{
    struct sockaddr_in address = group(port);

    sendto(socket, packet->bytes, packet->length, 0, (struct sockaddr *)&address, sizeof address);
}

struct packet wire_receive(int socket, uint32_t from, enum packet_type type, double patience)
{
    double deadline = seconds() + patience;
    struct packet wanted = begin(from, type), packet = {0};

    for (;;) {
        struct pollfd readable = {socket, POLLIN, 0};
        double left = deadline - seconds();
        if (left < 0 || poll(&readable, 1, (int)(left * 1000) + 1) < 0)
            break;
        ssize_t length = recv(socket, packet.bytes, sizeof packet.bytes, MSG_DONTWAIT);
        if (length >= HEADER && !memcmp(packet.bytes, wanted.bytes, HEADER)) {
            packet.length = (size_t)length;
            return packet;
        }
    }
    return (struct packet){0};
}

struct packet live_packet(uint32_t from, unsigned first, unsigned records, int flags)
{
    struct packet packet = begin(from, SYNC_LIVE);
    const unsigned char peer[8] = {10, 0, 0, 1, 0x1a, 0xe1, (unsigned char)flags, 0x55};

    for (unsigned number = first; number < first + records; number++) {
        ot_hash hash;
        hash_of(number, &hash);
        put(&packet, hash, sizeof hash);
        put(&packet, peer, sizeof peer);
    }
    return packet;
}

struct packet tell_packet(uint32_t from, unsigned first, unsigned records, unsigned downloaded)
{
    struct packet packet = begin(from, SYNC_SCRAPE_TELL);

    for (unsigned number = first; number < first + records; number++) {
        ot_hash hash;
        hash_of(number, &hash);
        put(&packet, hash, sizeof hash);
        put_number(&packet, 7);
        put_number(&packet, 0);
        put_number(&packet, downloaded);
    }
    return packet;
}

struct packet inquire_packet(uint32_t from, uint32_t target)
{
    struct packet packet = begin(from, SYNC_SCRAPE_INQUIRE);

    put(&packet, &target, sizeof target);
    return packet;
}

struct packet beacon_packet(uint32_t from, unsigned torrents)
{
    struct packet packet = begin(from, SYNC_SCRAPE_BEACON);

    put_number(&packet, 0);
    put_number(&packet, torrents);
    return packet;
}

void hash_of(unsigned number, ot_hash *hash)
{
    uint32_t network_order = htonl(number), mixed = number * 2654435761u;

    memset(hash, 0xab, sizeof *hash);
    (*hash)[0] = (uint8_t)(mixed >> 24);
    (*hash)[1] = (uint8_t)(mixed >> 16);
    memcpy(*hash + 2, &network_order, sizeof network_order);
}

unsigned number_of(const unsigned char *hash)
{
    uint32_t network_order;

    memcpy(&network_order, hash + 2, sizeof network_order);
    return ntohl(network_order);
}

static struct sockaddr_in group(uint16_t port)
{
    struct sockaddr_in address = {0};

    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(0xe0002a05); /* 224.0.42.5 */
    return address;
}

/* Writes the header: an id as the tracker has it in memory, then the type. */
static struct packet begin(uint32_t from, enum packet_type type)
{
    struct packet packet = {0};

    put(&packet, &from, sizeof from);
    put_number(&packet, type);
    return packet;
}

static void put(struct packet *packet, const void *bytes, size_t length)
{
    memcpy(packet->bytes + packet->length, bytes, length);
    packet->length += length;
}

static void put_number(struct packet *packet, uint32_t number)
{
    number = htonl(number);
    put(packet, &number, sizeof number);
}
