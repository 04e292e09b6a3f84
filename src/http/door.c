/* SPDX-License-Identifier: MIT */
/* door.c - what libmemlog-http exports: arguments checked, one server a process. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "http/address.h"
#include "http/published.h"
#include "http/self.h"
#include "http/server.h"
#include "http/settings.h"
#include "memlog.h"
#include "memlog_http.h"
#include "os/process.h"

#define EXPORT __attribute__((visibility("default")))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ml_server *server;

/* Those that somebody is at stopping: a child that is forked meanwhile has their sockets. */
struct leaving {
    struct ml_server *server;
    struct leaving *next;
};
static struct leaving *leaving;

/* The lock is held over a fork, so that the child finds all or nothing. */
static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork_parent(void) { pthread_mutex_unlock(&lock); }
static void after_fork_child(void)
{
    if (server != NULL)
        ml_server_abandon(server);
    for (; leaving != NULL; leaving = leaving->next)
        ml_server_abandon(leaving->server);
    server = NULL;
    ml_published_after_fork_child();
    pthread_mutex_init(&lock, NULL);
}

static void prepare_for_forks(void)
{
    static bool done;
    if (!done)
        (void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
    done = true;
}

static int start(const char *address)
{
    struct ml_server_settings settings;
    struct ml_source source;
    int error = ml_http_settings(&settings, address);
    settings.version = memlog_version();
    if (error == 0)
        error = ml_self_source(&source);
    if (error == -ENOTSUP)
        ml_os_complain("libmemlog-http and libmemlog are not of one version: no pages", NULL);
    if (error != 0)
        return error;
    prepare_for_forks();
    return ml_server_start(&server, &settings, &source);
}

EXPORT int memlog_http_start(const char *address)
{
    pthread_mutex_lock(&lock);
    int error = server == NULL ? start(address) : address == NULL ? 0 : -EALREADY;
    if (error == -EALREADY)
        ml_os_complain("memlog_http_start: there are pages already, at ", ml_server_shown(server), NULL);
    pthread_mutex_unlock(&lock);
    return error;
}

/* Under the lock, which is free while the threads end: a published function that one of them is in may
 * fork, or start and stop, too. */
static int stop(unsigned patience_ms)
{
    struct leaving own = { server, leaving };
    if (server == NULL)
        return -ENOTCONN;
    if (ml_server_is_self(server))
        return -EDEADLK;
    server = NULL;
    leaving = &own;
    pthread_mutex_unlock(&lock);
    bool is_over = ml_server_halt(own.server, patience_ms);
    pthread_mutex_lock(&lock);
    struct leaving **link = &leaving;
    while (*link != &own)
        link = &(*link)->next;
    *link = own.next;
    if (is_over)
        ml_server_free(own.server);
    else
        ml_server_unlink(own.server);
    return 0;
}

EXPORT int memlog_http_stop(void)
{
    pthread_mutex_lock(&lock);
    int error = stop(0);
    pthread_mutex_unlock(&lock);
    return error;
}

/* While what the threads use is still there; a socket in the file system goes, too. Not where exit was
 * called in the middle of a start or stop, or by one of the threads (a function that is published). Such a
 * function may want what whoever calls exit holds: it is not waited for without end. */
__attribute__((destructor)) static void finish(void)
{
    enum { PATIENCE_MS = 1000 };
    if (pthread_mutex_trylock(&lock) != 0)
        return;
    (void)stop(PATIENCE_MS);
    pthread_mutex_unlock(&lock);
}

/* ---- variables ---------------------------------------------------------------------------- */

static int publish(const struct ml_variable *variable, bool is_there)
{
    return is_there ? ml_published_add(variable) : -EINVAL;
}

EXPORT int memlog_http_publish_int(const char *name, const int64_t *variable)
{
    return publish(&(struct ml_variable){ name, ML_VARIABLE_INT, variable, NULL, NULL }, variable != NULL);
}

EXPORT int memlog_http_publish_float(const char *name, const double *variable)
{
    return publish(&(struct ml_variable){ name, ML_VARIABLE_FLOAT, variable, NULL, NULL }, variable != NULL);
}

EXPORT int memlog_http_publish_string(const char *name, const char *value)
{
    return publish(&(struct ml_variable){ name, ML_VARIABLE_STRING, value, NULL, NULL }, value != NULL);
}

EXPORT int memlog_http_publish_function(const char *name, int (*function)(char *json, size_t n, void *data),
                                        void *data)
{
    return publish(&(struct ml_variable){ name, ML_VARIABLE_FUNCTION, NULL, function, data },
                   function != NULL);
}

EXPORT int memlog_http_unpublish(const char *name)
{
    return name == NULL ? -ENOENT : ml_published_remove(name);
}
