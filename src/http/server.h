/* SPDX-License-Identifier: MIT */
/* server.h - the server of the pages, on libmicrohttpd, with two threads of its own.
 *
 *   memlog-http    all connections, by epoll; a row of the history each second (history.h)
 *     on_request     who asks (guard.h), which page (routes.h)
 *     handle         what is quick is answered at once,
 *   memlog-pages   the rest by the worker (worker.h), while the connection is suspended
 *
 * Start here for a page.
 */
#ifndef ML_HTTP_SERVER_H
#define ML_HTTP_SERVER_H

#include <stdbool.h>

#include "http/source.h"

struct ml_server_settings {
    const char *address;
    const char *version;
    const char *hosts;  /* MEMLOG_HTTP_HOSTS, or NULL */
    bool show_command;
    bool go_metrics;
    bool is_quiet; /* says nothing where it can be reached */
};

struct ml_server;

/* Pages at that address. `source` is copied; the strings too. 0, or -errno after one line on
 * stderr. */
int ml_server_start(struct ml_server **server, const struct ml_server_settings *settings,
                    const struct ml_source *source);
/* Nobody is answered any more when it returns. NULL is fine. */
void ml_server_stop(struct ml_server *server);
/* The two halves of it: the threads end, which may take as long as what they are at, or, if that is not 0, so many
 * milliseconds: false, and nothing is to be freed; the sockets and all else go, at once. */
bool ml_server_halt(struct ml_server *server, unsigned patience_ms);
void ml_server_free(struct ml_server *server);
/* Of one that can't be freed: a socket in the file system goes. */
void ml_server_unlink(struct ml_server *server);
/* In a forked child, which has neither the threads nor the right to the connections: the sockets
 * go, and what the struct holds is left to nobody. Async-signal-safe. */
void ml_server_abandon(struct ml_server *server);
/* Whether the calling thread is one of its own. */
bool ml_server_is_self(const struct ml_server *server);
/* Where it is: "http://127.0.0.1:6060". */
const char *ml_server_shown(const struct ml_server *server);

#endif
