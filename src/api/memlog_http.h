/* SPDX-License-Identifier: MIT */
/* memlog_http.h - the debug pages: a program's memory, for curl, a browser, pprof and Prometheus.
 *
 *   /debug/memlog    live curves                /debug/pprof/   heap profiles
 *   /debug/mem       all numbers as text        /debug/vars     expvar's JSON
 *   /debug/gc        the last collections       /metrics        for Prometheus
 *
 * Served by two threads of memlog's own, which the collector never stops and which no signal
 * of the program's comes to. What they allocate is the C library's and not in the numbers. Requests read: the
 * program is not stopped by any but ?gc=1, which collects.
 *
 * Link with -lmemlog-http -lmemlog (pkg-config memlog-http). All functions may be called from any
 * thread at any time, but not from signal handlers. A forked child has no pages; it may start its own.
 *
 * An unmodified program has the same pages by `memlog run --http ADDRESS PROGRAM`, from outside.
 */
#ifndef MEMLOG_HTTP_H
#define MEMLOG_HTTP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Serve the pages at "127.0.0.1:6060", "[::1]:6060", "localhost:6060", ":6060" (this machine alone),
 * "unix:/run/server.sock" (a socket of mode 0600), port 0 for any that is free. NULL: MEMLOG_HTTP, else
 * "127.0.0.1:6060", or where there are pages already: memlog_log_start starts them when MEMLOG_HTTP is
 * set. Other machines get to them only when an address of this one is named
 * ("0.0.0.0:6060"): who can connect sees the command line and functions' names. In programs
 * that run with raised privileges the environment is not asked.
 *
 * A request whose Host is neither a number nor localhost nor this machine's name is refused, as
 * is one that another site's page has a browser make; MEMLOG_HTTP_HOSTS lists further names.
 *
 * Returns 0, or a negative errno after one line on stderr: -EADDRINUSE (somebody else is there),
 * -EACCES, -EINVAL (no address), -EALREADY (there are pages already, and an address is named), -ENOMEM, -ENOTSUP (a static program). */
int memlog_http_start(const char *address);
/* No more pages: connections are closed, the threads have ended when it returns. 0; -ENOTCONN: there
 * were none; -EDEADLK: called by a function that is published. */
int memlog_http_stop(void);

/* ---- variables of the program's, at /debug/vars --------------------------------------- */

/* Show a variable under that name, in place of what had it before. It is read at each request, as it
 * is then, so it has to stay until it is unpublished. "cmdline", "memlog" and "memstats" are memlog's.
 * 0; -EINVAL: no name, one of these, or no variable; -ENOMEM. Before or after memlog_http_start. */
int memlog_http_publish_int(const char *name, const int64_t *variable);
int memlog_http_publish_float(const char *name, const double *variable);
/* A copy of the string (UTF-8) is shown, until the next one is published. */
int memlog_http_publish_string(const char *name, const char *value);
/* What the function writes: JSON of any kind, as snprintf would (at most n bytes, the last a NUL; the
 * length of all of it, or a negative number when there is none: null is shown then, and for what is
 * no JSON). It runs in a thread of memlog's that is registered with the collector meanwhile,
 * for one request at a time, and may allocate, but neither publish nor unpublish. */
int memlog_http_publish_function(const char *name, int (*function)(char *json, size_t n, void *data),
                                 void *data);
/* 0, or -ENOENT. It is not read any more when this returns. */
int memlog_http_unpublish(const char *name);

#ifdef __cplusplus
}
#endif
#endif
