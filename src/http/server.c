/* SPDX-License-Identifier: MIT */
#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "http/address.h"
#include "http/connections.h"
#include "http/guard.h"
#include "http/history.h"
#include "http/request.h"
#include "http/respond.h"
#include "http/routes.h"
#include "http/site.h"
#include "http/symbols.h"
#include "http/thread.h"
#include "http/worker.h"
#include "os/account.h"
#include "os/clock.h"
#include "os/process.h"

/* Two of what HTTP and a page may need: a line, its headers; what is posted to look up names. */
enum { CONNECTION_BYTES = 24 << 10, UPLOAD_BYTES_MOST = 1 << 20, IDLE_SECONDS = 30 };

struct ml_server {
    struct ml_site site;
    struct ml_source source;
    struct ml_listener listener;
    struct ml_connections connections;
    struct ml_guard guard;
    char machine[256];
    char *hosts, *version;
    uint64_t collected_ns, held_bytes;
    struct ml_symbols *symbols;

    struct MHD_Daemon *daemon;
    pthread_t thread;
    int wake; /* an eventfd: the worker is done with something, or all ends */
    bool is_stopping;
    struct ml_worker worker;
};

/* ---- requests ----------------------------------------------------------------------------- */

static void drop(struct ml_request *request)
{
    if (request->kept != NULL)
        request->drop(request->kept);
    (void)__atomic_sub_fetch(&request->server->held_bytes, request->held_bytes, __ATOMIC_RELAXED);
    ml_buffer_free(&request->upload);
    ml_buffer_free(&request->reply.body);
    free(request);
}

static struct ml_request *make_request(struct ml_server *server, struct MHD_Connection *link)
{
    struct ml_request *request = calloc(1, sizeof(*request));
    if (request == NULL)
        return NULL;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(link, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->link = link;
    request->place = info == NULL ? NULL : info->socket_context;
    request->server = server;
    request->site = &server->site;
    return request;
}

/* A page, or who is not to see one. */
static void choose(struct ml_server *server, struct ml_request *request)
{
    const struct ml_guard_claims claims = {
        ml_request_header(request, "Host"), ml_request_header(request, "Origin"),
        ml_request_header(request, "Sec-Fetch-Site"), ml_request_header(request, "Sec-Fetch-Mode"),
        ml_request_header(request, "Sec-Fetch-Dest")
    };
    const char *why = ml_guard_refuses(&server->guard, &claims);
    if (why != NULL)
        ml_reply_error(&request->reply, MHD_HTTP_FORBIDDEN, why);
    else
        request->handle = ml_route_find(request->path, request->method, &request->reply);
}

static void collect_upload(struct ml_request *request, const char *data, size_t count)
{
    request->is_too_long |= request->upload.length + count > UPLOAD_BYTES_MOST;
    if (!request->is_too_long)
        ml_buffer_put(&request->upload, data, count);
}

static void wake(struct ml_server *server)
{
    const uint64_t one = 1;
    ssize_t written = write(server->wake, &one, sizeof(one));
    (void)written;
}

/* In the worker's thread. The library wakes nobody who polls for himself. */
static void worked(struct ml_request *request)
{
    struct ml_server *server = request->server;
    request->held_bytes = request->reply.body.length;
    (void)__atomic_add_fetch(&server->held_bytes, request->held_bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&request->is_done, true, __ATOMIC_RELEASE);
    MHD_resume_connection(request->link);
    wake(server);
}

/* What is not for now is the worker's, while nothing is read from the connection. */
static enum MHD_Result begin(struct ml_server *server, struct ml_request *request)
{
    bool is_answered = request->handle == NULL;
    if (!is_answered && request->is_too_long) {
        ml_reply_error(&request->reply, MHD_HTTP_CONTENT_TOO_LARGE, "that is too much to look up at once");
        is_answered = true;
    }
    if (!is_answered)
        is_answered = request->handle(request) == ML_ANSWERED;
    if (!is_answered) {
        request->by_worker = true;
        MHD_suspend_connection(request->link);
        if (ml_worker_take(&server->worker, request))
            return MHD_YES;
        MHD_resume_connection(request->link);
        request->reply.retry_after = 1;
        ml_reply_error(&request->reply, MHD_HTTP_SERVICE_UNAVAILABLE, "too many ask for what takes time");
    }
    request->is_done = true;
    return request->by_worker ? MHD_YES : ml_respond(request);
}

static enum MHD_Result on_request(void *argument, struct MHD_Connection *link, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *count, void **context)
{
    struct ml_server *server = argument;
    struct ml_request *request = *context;
    (void)version;
    if (request == NULL) {
        *context = request = make_request(server, link);
        if (request == NULL)
            return MHD_NO;
        request->path = path;
        request->method = method;
        choose(server, request);
        return MHD_YES;
    }
    if (*count != 0) {
        collect_upload(request, data, *count);
        *count = 0;
        return MHD_YES;
    }
    if (__atomic_load_n(&request->is_done, __ATOMIC_ACQUIRE))
        return ml_respond(request);
    if (request->by_worker)
        return MHD_YES;
    if (request->place != NULL)
        ml_connection_works(request->place, ml_os_monotonic_ns());
    return begin(server, request);
}

static void on_end(void *argument, struct MHD_Connection *link, void **context,
                   enum MHD_RequestTerminationCode code)
{
    struct ml_request *request = *context;
    (void)argument, (void)link, (void)code;
    *context = NULL;
    if (request == NULL)
        return;
    if (request->place != NULL)
        ml_connection_waits(request->place, ml_os_monotonic_ns());
    drop(request);
}

static void on_connection(void *argument, struct MHD_Connection *link, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct ml_server *server = argument;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(link, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info != NULL)
            *context = ml_connections_add(&server->connections, info->connect_fd, ml_os_monotonic_ns());
    } else if (*context != NULL) {
        ml_connections_remove(&server->connections, *context);
        *context = NULL;
    }
}

/* ---- the thread ------------------------------------------------------------------------- */

static bool wait_until(struct ml_server *server, int events, uint64_t due)
{
    MHD_UNSIGNED_LONG_LONG patience;
    uint64_t now = ml_os_monotonic_ns();
    uint64_t left = due > now ? (due - now) / ML_NS_PER_MS + 1 : 0;
    if (MHD_get_timeout(server->daemon, &patience) == MHD_YES && patience < left)
        left = patience;
    struct pollfd either[] = { { .fd = events, .events = POLLIN }, { .fd = server->wake, .events = POLLIN } };
    uint64_t count;
    if (poll(either, 2, (int)left) > 0 && either[1].revents != 0) {
        ssize_t got = read(server->wake, &count, sizeof(count));
        (void)got;
    }
    return !__atomic_load_n(&server->is_stopping, __ATOMIC_ACQUIRE);
}

/* Whoever wants in when the process has no descriptor left stays in the queue, and the library tries to
 * take him again at once, for as long as that lasts. */
static void wait_for_a_descriptor(struct ml_server *server)
{
    enum { PATIENCE_MS = 50 };
    int spare = fcntl(server->wake, F_DUPFD_CLOEXEC, 0);
    struct pollfd wake = { .fd = server->wake, .events = POLLIN };
    if (spare >= 0)
        close(spare);
    else
        (void)poll(&wake, 1, PATIENCE_MS);
}

static void *serve(void *argument)
{
    struct ml_server *server = argument;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int events = info == NULL ? -1 : info->epoll_fd;
    uint64_t due = ml_os_monotonic_ns();
    while (wait_until(server, events, due)) {
        MHD_run(server->daemon);
        wait_for_a_descriptor(server);
        uint64_t now = ml_os_monotonic_ns();
        ml_connections_check(&server->connections, now);
        if (now < due)
            continue;
        ml_history_take(server->site.history, &server->source);
        due += ((now - due) / ML_HISTORY_INTERVAL_NS + 1) * ML_HISTORY_INTERVAL_NS;
    }
    /* Those whom the worker has let go; others are cut off. */
    MHD_run(server->daemon);
    return NULL;
}

/* ---- start and stop --------------------------------------------------------------------- */

static int start_daemon(struct ml_server *server)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, server,
        MHD_OPTION_LISTEN_SOCKET, server->listener.fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)ML_CONNECTIONS_MOST,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_END);
    return server->daemon == NULL ? -ENOMEM : 0;
}

static int start_threads(struct ml_server *server)
{
    int error = ml_worker_start(&server->worker, worked);
    if (error != 0)
        return error;
    error = ml_http_thread_start(&server->thread, "memlog-http", serve, server);
    if (error != 0) {
        (void)ml_worker_stop(&server->worker, 0);
        ml_worker_free(&server->worker);
    }
    return error;
}

void ml_server_free(struct ml_server *server)
{
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon); /* closes the listening socket */
    if (server->daemon != NULL)
        server->listener.fd = -1;
    ml_listener_close(&server->listener);
    if (server->wake >= 0)
        close(server->wake);
    ml_history_free(server->site.history);
    ml_symbols_close(server->symbols);
    free(server->hosts);
    free(server->version);
    free(server);
}

/* Since 1970, the same each time. */
static uint64_t start_of(pid_t pid)
{
    struct ml_os_account account;
    char proc[32];
    snprintf(proc, sizeof(proc), "/proc/%d", (int)pid);
    ml_os_account_read(proc, &account);
    return account.start_ns != 0 ? account.start_ns : ml_os_realtime_ns();
}

static int set_up(struct ml_server *server, const struct ml_server_settings *settings)
{
    server->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    server->site.history = ml_history_new();
    server->version = strdup(settings->version);
    server->hosts = settings->hosts == NULL ? NULL : strdup(settings->hosts);
    if (server->wake < 0 || server->site.history == NULL || server->version == NULL ||
        (settings->hosts != NULL && server->hosts == NULL))
        return -ENOMEM;
    if (gethostname(server->machine, sizeof(server->machine) - 1) != 0)
        server->machine[0] = '\0';
    server->guard = (struct ml_guard){ server->machine, server->hosts, server->listener.is_unix };
    server->site.source = &server->source;
    server->site.version = server->version;
    server->site.start_ns = start_of(server->source.pid);
    server->site.show_command = settings->show_command;
    server->site.go_metrics = settings->go_metrics;
    server->site.collected_ns = &server->collected_ns;
    server->site.held_bytes = &server->held_bytes;
    server->site.symbols = &server->symbols;
    return start_daemon(server);
}

static void announce(const struct ml_server *server, const struct ml_server_settings *settings)
{
    const struct ml_listener *listener = &server->listener;
    if (listener->is_open_to_others)
        ml_os_complain("the pages at ", listener->shown, " can be seen by whoever reaches that address: "
                       "the command line, functions' names and memory's numbers", NULL);
    else if (!settings->is_quiet)
        ml_os_complain("pages at ", listener->shown, listener->is_unix ? "" : "/debug/", NULL);
}

int ml_server_start(struct ml_server **made, const struct ml_server_settings *settings,
                    const struct ml_source *source)
{
    struct ml_server *server = calloc(1, sizeof(*server));
    *made = NULL;
    if (server == NULL) {
        ml_os_complain("there is no memory for the pages", NULL);
        return -ENOMEM;
    }
    server->wake = -1;
    server->source = *source;
    ml_connections_init(&server->connections);
    int error = ml_listener_open(&server->listener, settings->address);
    if (error == 0) {
        error = set_up(server, settings);
        if (error == 0)
            error = start_threads(server);
        if (error != 0)
            ml_os_complain("the pages can't be served: ", ml_os_error_text(-error), NULL);
    }
    if (error != 0) {
        ml_server_free(server);
        return error;
    }
    announce(server, settings);
    *made = server;
    return 0;
}

bool ml_server_halt(struct ml_server *server, unsigned patience_ms)
{
    if (!ml_worker_stop(&server->worker, patience_ms))
        return false;
    __atomic_store_n(&server->is_stopping, true, __ATOMIC_RELEASE);
    wake(server);
    ml_http_thread_join(server->thread);
    ml_worker_free(&server->worker);
    return true;
}

void ml_server_stop(struct ml_server *server)
{
    if (server == NULL)
        return;
    (void)ml_server_halt(server, 0);
    ml_server_free(server);
}

void ml_server_unlink(struct ml_server *server) { ml_listener_unlink(&server->listener); }

void ml_server_abandon(struct ml_server *server)
{
    ml_connections_abandon(&server->connections);
    close(server->listener.fd);
    close(server->wake);
}

bool ml_server_is_self(const struct ml_server *server)
{
    return pthread_equal(pthread_self(), server->thread) ||
           pthread_equal(pthread_self(), server->worker.thread);
}

const char *ml_server_shown(const struct ml_server *server) { return server->listener.shown; }
