/* SPDX-License-Identifier: MIT */
/* connections.h - who is connected, and who has had his time.
 *
 * libmicrohttpd ends connections on which nothing comes. One on which a byte comes every
 * now and then lives on, and enough of those leave no place for others: so a request has to
 * be there, and an answer to be taken, within a time; and when the places run out, who has
 * waited longest without asking anything goes.
 *
 * Used by the server's own thread. A forked child closes its copies.
 */
#ifndef ML_HTTP_CONNECTIONS_H
#define ML_HTTP_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    ML_CONNECTIONS_MOST = 256,
    ML_CONNECTIONS_SPARE = 32, /* below so few free places the longest waiting go */
};

struct ml_connection {
    int fd;           /* -1: the place is free */
    bool is_busy;     /* a whole request is there, and no answer yet: we are at it */
    bool is_answered; /* an answer is on its way */
    bool is_leaving;  /* shut down; the library will notice */
    uint64_t since_ns; /* monotonic: of the state */
};

struct ml_connections {
    struct ml_connection places[ML_CONNECTIONS_MOST];
    unsigned count, leaving;
};

void ml_connections_init(struct ml_connections *connections);
/* NULL: no place is free. */
struct ml_connection *ml_connections_add(struct ml_connections *connections, int fd, uint64_t now_ns);
void ml_connections_remove(struct ml_connections *connections, struct ml_connection *connection);
/* Shut those down whose time is over, and, where places are few, who waits longest. The library
 * removes them then. */
void ml_connections_check(struct ml_connections *connections, uint64_t now_ns);
/* In a forked child: the other side shall not wait for it. */
void ml_connections_abandon(struct ml_connections *connections);

/* A new request is awaited; one is there; its answer was given to the library. */
void ml_connection_waits(struct ml_connection *connection, uint64_t now_ns);
void ml_connection_works(struct ml_connection *connection, uint64_t now_ns);
void ml_connection_answers(struct ml_connection *connection, uint64_t now_ns);

#endif
