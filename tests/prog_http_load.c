/* SPDX-License-Identifier: MIT */
/* prog_http_load.c - so many requests a second for so many seconds, in turn for each of the paths, on
 * connections that are kept: whatever the server does, the next request is sent when its time has come,
 * and its latency counts from then on.
 *
 *   prog_http_load URL RATE SECONDS PATH...
 *
 * One line: "requests N errors N p50 MS p99 MS max MS". Exits 1 when there were errors.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/epoll.h>

#include "http_client.h"

enum { CONNECTIONS = 64, ROOM = 4 << 20 };

static struct connection {
    int fd;
    bool is_busy;
    bool is_kept;     /* something was answered on it */
    const char *path; /* of the request that it has */
    double due;
    size_t count;
    char *bytes;
} connections[CONNECTIONS];

static struct sockaddr_in address;
static char **paths;
static int paths_count;
static double *latencies;
static size_t answered, errors;
static int events;

static void fail_one(const char *what, const char *detail)
{
    if (errors++ < 5)
        fprintf(stderr, "%s: %s\n", what, detail);
}

static void open_one(struct connection *connection)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    connection->fd = connect_to(&address);
    if (connection->fd < 0) {
        fail_one("connect", strerror(errno));
        return;
    }
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(events, EPOLL_CTL_ADD, connection->fd, &event);
}

static void close_one(struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
    connection->is_busy = connection->is_kept = false;
    connection->count = 0;
}

static struct connection *free_one(void)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (!connections[i].is_busy)
            return &connections[i];
    return NULL;
}

/* A connection that was kept may be closed by the server at any moment between two requests: what
 * can't be sent on it, or was just sent, is sent anew, as all clients do. */
static void send_one(struct connection *connection, const char *path, double due)
{
    char request[1024];
    int length = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    if (connection->fd < 0)
        open_one(connection);
    connection->is_busy = true;
    connection->path = path;
    connection->due = due;
    connection->count = 0;
    if (connection->fd >= 0 && send(connection->fd, request, (size_t)length, MSG_NOSIGNAL) == length)
        return;
    bool is_anew = connection->is_kept;
    if (!is_anew)
        fail_one("send", strerror(errno));
    close_one(connection);
    if (is_anew)
        send_one(connection, path, due);
}

static void lose(struct connection *connection, const char *why)
{
    bool is_anew = connection->is_kept && connection->count == 0, was_busy = connection->is_busy;
    close_one(connection);
    if (was_busy && is_anew)
        send_one(connection, connection->path, connection->due);
    else if (was_busy)
        fail_one("closed in the middle of an answer", why);
}

static void receive(struct connection *connection)
{
    int status = 0;
    ssize_t got = recv(connection->fd, connection->bytes + connection->count, ROOM - connection->count, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        lose(connection, got < 0 ? strerror(errno) : "end");
        return;
    }
    connection->count += (size_t)got;
    long bytes = answer_bytes(connection->bytes, connection->count, &status);
    if (bytes == 0)
        return;
    if (bytes < 0 || status != 200)
        fail_one("answer", strndup(connection->bytes, 100));
    if (connection->is_busy)
        latencies[answered++] = seconds_now() - connection->due;
    connection->is_busy = false;
    connection->is_kept = true;
    if (bytes < 0)
        close_one(connection);
}

static void receive_until(double until)
{
    struct epoll_event come[CONNECTIONS];
    for (;;) {
        double left = until - seconds_now();
        left = left < 0 ? 0 : left;
        struct timespec patience = { (time_t)left, (long)((left - floor(left)) * 1e9) };
        int count = epoll_pwait2(events, come, CONNECTIONS, &patience, NULL);
        for (int i = 0; i < count; i++)
            receive(come[i].data.ptr);
        if (left == 0)
            return;
    }
}

static size_t busy_count(void)
{
    size_t count = 0;
    for (int i = 0; i < CONNECTIONS; i++)
        count += connections[i].is_busy;
    return count;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double share)
{
    return answered == 0 ? 0 : latencies[(size_t)(share * (double)(answered - 1))] * 1000;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: prog_http_load URL RATE SECONDS PATH...\n");
        return 2;
    }
    address = address_of(argv[1]);
    double rate = atof(argv[2]), begun, give_up;
    size_t wanted = (size_t)(rate * atof(argv[3]));
    paths = argv + 4;
    paths_count = argc - 4;
    latencies = calloc(wanted + 1, sizeof(*latencies));
    events = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < CONNECTIONS; i++) {
        connections[i].fd = -1;
        connections[i].bytes = malloc(ROOM);
    }
    begun = seconds_now();
    for (size_t sent = 0; sent < wanted; sent++) {
        double due = begun + (double)sent / rate;
        receive_until(due);
        struct connection *connection;
        for (give_up = seconds_now() + 10; (connection = free_one()) == NULL && seconds_now() < give_up;)
            receive_until(seconds_now() + 0.002);
        if (connection == NULL) {
            fail_one("no answer for 10 seconds", "");
            break;
        }
        send_one(connection, paths[sent % (size_t)paths_count], due);
    }
    for (give_up = seconds_now() + 10; busy_count() != 0 && seconds_now() < give_up;)
        receive_until(seconds_now() + 0.005);
    errors += busy_count();
    qsort(latencies, answered, sizeof(*latencies), by_value);
    printf("requests %zu errors %zu p50 %.2f p99 %.2f max %.2f\n", answered, errors, quantile(0.5),
           quantile(0.99), quantile(1));
    return errors == 0 ? 0 : 1;
}
