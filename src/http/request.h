/* SPDX-License-Identifier: MIT */
/* request.h - one request on its way: from the server's thread, where it comes in and its answer
 * goes out, to the worker, where what takes time is done.
 */
#ifndef ML_HTTP_REQUEST_H
#define ML_HTTP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "http/buffer.h"
#include "http/reply.h"
#include "http/source.h"

struct ml_site;
struct ml_connection;
struct ml_server;
struct MHD_Connection;

enum ml_progress {
    ML_ANSWERED,
    ML_ELSEWHERE, /* the handler wants to be called by the worker */
    ML_LATER      /* the handler wants to be called again, by the worker, at due_ns */
};

struct ml_request {
    struct MHD_Connection *link;   /* libmicrohttpd's; NULL in a test */
    struct ml_connection *place;
    struct ml_server *server;
    const struct ml_site *site;
    const char *path, *method;
    enum ml_progress (*handle)(struct ml_request *request);
    struct ml_buffer upload; /* what was posted */
    bool is_too_long;        /* more was posted than anybody needs */

    bool by_worker; /* the worker calls */
    unsigned step;  /* how often the handler was called by it */
    uint64_t due_ns; /* monotonic */
    void *kept;     /* the handler's, from one step to the next */
    void (*drop)(void *kept);
    bool is_done;
    size_t held_bytes; /* what its answer has in site.h's sum */
    struct ml_request *next; /* in the worker's list */

    struct ml_reply reply;
};

/* A parameter behind the "?", or NULL. */
const char *ml_request_parameter(const struct ml_request *request, const char *name);
/* The names of all parameters, with a plus between two: what stands behind the "?" where that is a
 * list. */
void ml_request_query(const struct ml_request *request, struct ml_buffer *buffer);
const char *ml_request_header(const struct ml_request *request, const char *name);
/* A number that is one, from 1 to most; 0: the parameter is not there; -1: it is something else. */
long ml_request_number(const struct ml_request *request, const char *name, long most);
/* "gc=1": a number that is not 0. */
bool ml_request_flag(const struct ml_request *request, const char *name);

#endif
