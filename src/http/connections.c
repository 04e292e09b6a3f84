/* SPDX-License-Identifier: MIT */
#include "http/connections.h"

#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/clock.h"

/* A request is some hundred bytes. An answer may be a profile of megabytes to somebody far
 * away. */
static const uint64_t REQUEST_NS = UINT64_C(10) * ML_NS_PER_SECOND,
                      ANSWER_NS = UINT64_C(120) * ML_NS_PER_SECOND;

void ml_connections_init(struct ml_connections *connections)
{
    connections->count = connections->leaving = 0;
    for (unsigned i = 0; i < ML_CONNECTIONS_MOST; i++)
        connections->places[i].fd = -1;
}

struct ml_connection *ml_connections_add(struct ml_connections *connections, int fd, uint64_t now_ns)
{
    for (unsigned i = 0; i < ML_CONNECTIONS_MOST; i++) {
        struct ml_connection *connection = &connections->places[i];
        if (connection->fd >= 0)
            continue;
        connection->fd = fd;
        connection->is_leaving = false;
        ml_connection_waits(connection, now_ns);
        connections->count++;
        return connection;
    }
    return NULL;
}

void ml_connections_remove(struct ml_connections *connections, struct ml_connection *connection)
{
    connection->fd = -1;
    connections->count--;
    connections->leaving -= connection->is_leaving;
}

static bool is_over(const struct ml_connection *connection, uint64_t now_ns)
{
    uint64_t most = connection->is_answered ? ANSWER_NS : REQUEST_NS;
    return !connection->is_busy && !connection->is_leaving && now_ns - connection->since_ns > most;
}

/* NULL: all are being served. */
static struct ml_connection *longest_waiting(struct ml_connections *connections)
{
    struct ml_connection *longest = NULL;
    for (unsigned i = 0; i < ML_CONNECTIONS_MOST; i++) {
        struct ml_connection *at = &connections->places[i];
        if (at->fd >= 0 && !at->is_busy && !at->is_answered && !at->is_leaving &&
            (longest == NULL || at->since_ns < longest->since_ns))
            longest = at;
    }
    return longest;
}

/* It stays in its place until the library has seen it. */
static void shut(struct ml_connections *connections, struct ml_connection *connection)
{
    (void)shutdown(connection->fd, SHUT_RDWR);
    connection->is_leaving = true;
    connections->leaving++;
}

void ml_connections_check(struct ml_connections *connections, uint64_t now_ns)
{
    for (unsigned i = 0; i < ML_CONNECTIONS_MOST; i++)
        if (connections->places[i].fd >= 0 && is_over(&connections->places[i], now_ns))
            shut(connections, &connections->places[i]);
    while (connections->count - connections->leaving > ML_CONNECTIONS_MOST - ML_CONNECTIONS_SPARE) {
        struct ml_connection *longest = longest_waiting(connections);
        if (longest == NULL)
            return;
        shut(connections, longest);
    }
}

void ml_connections_abandon(struct ml_connections *connections)
{
    for (unsigned i = 0; i < ML_CONNECTIONS_MOST; i++)
        if (connections->places[i].fd >= 0)
            close(connections->places[i].fd);
    ml_connections_init(connections);
}

static void set(struct ml_connection *connection, bool is_busy, bool is_answered, uint64_t now_ns)
{
    connection->is_busy = is_busy;
    connection->is_answered = is_answered;
    connection->since_ns = now_ns;
}

void ml_connection_waits(struct ml_connection *connection, uint64_t now_ns)
{
    set(connection, false, false, now_ns);
}

void ml_connection_works(struct ml_connection *connection, uint64_t now_ns)
{
    set(connection, true, false, now_ns);
}

void ml_connection_answers(struct ml_connection *connection, uint64_t now_ns)
{
    set(connection, false, true, now_ns);
}
