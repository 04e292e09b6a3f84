/* SPDX-License-Identifier: MIT */
/* prog_http_attack.c - what a server has to live with.
 *
 *   prog_http_attack URL slow N SECONDS     N connections on which a byte of a request comes each second,
 *                                           and meanwhile somebody who asks and has to be answered
 *   prog_http_attack URL fuzz SEED COUNT    requests of all kinds of nonsense
 *   prog_http_attack URL huge               what is larger than anybody needs
 *   prog_http_attack URL gone COUNT         who goes before the answer has come
 *
 * Exits 1, after a line on stderr, when somebody who asks properly is not answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "http_client.h"

static struct sockaddr_in address;

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static bool send_all(int fd, const char *bytes, size_t count)
{
    return send(fd, bytes, count, MSG_NOSIGNAL) == (ssize_t)count;
}

/* The status of the answer, 0 for none within the time. */
static int status_of(int fd, double patience)
{
    static char bytes[8 << 20];
    size_t count = 0;
    int status = 0;
    double until = seconds_now() + patience;
    while (seconds_now() < until) {
        struct pollfd one = { .fd = fd, .events = POLLIN };
        if (poll(&one, 1, 100) == 0)
            continue;
        ssize_t got = recv(fd, bytes + count, sizeof(bytes) - count, 0);
        if (got <= 0)
            return status;
        count += (size_t)got;
        if (answer_bytes(bytes, count, &status) != 0)
            return status;
    }
    return 0;
}

static int ask(const char *request)
{
    int fd = connect_to(&address), status = 0;
    if (fd >= 0 && send_all(fd, request, strlen(request)))
        status = status_of(fd, 20);
    if (fd >= 0)
        close(fd);
    return status;
}

static void ask_properly(const char *when)
{
    int status = ask("GET /debug/mem HTTP/1.1\r\nHost: localhost\r\n\r\n");
    if (status == 200)
        return;
    fprintf(stderr, "%s: a proper request gets %d\n", when, status);
    exit(1);
}

/* ---- slow ----------------------------------------------------------------------------- */

static void be_slow(int count, int seconds)
{
    static const char request[] = "GET /debug/mem HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    struct rlimit limit = { (rlim_t)count + 100, (rlim_t)count + 100 };
    int *fds = calloc((size_t)count, sizeof(*fds));
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < count; i++)
        fds[i] = -1;
    int answered = 0;
    for (int second = 0; second < seconds; second++) {
        for (int i = 0; i < count; i++) {
            if (fds[i] < 0)
                fds[i] = connect_to(&address);
            size_t at = (size_t)second % (sizeof(request) - 1);
            if (fds[i] >= 0 && !send_all(fds[i], request + at, 1)) {
                close(fds[i]); /* it was shown the door, and comes again */
                fds[i] = -1;
            }
        }
        double until = seconds_now() + 1;
        ask_properly("beside slow ones");
        answered++;
        while (seconds_now() < until)
            usleep(10000);
    }
    printf("%d proper requests beside %d slow connections\n", answered, count);
}

/* ---- nonsense -------------------------------------------------------------------------- */

static uint64_t state;
static unsigned random_below(unsigned bound)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % bound;
}

static const char *const parts[] = {
    "GET ", "POST ", "HEAD ", "PUT ", "\x16\x03\x01", "/debug/mem", "/debug/vars", "/debug/pprof/heap", "/debug/pprof/symbol",
    "/debug/memlog/data", "?since=", "&run=", "?debug=1", "?seconds=1", "&seconds=-1", "?unit=", "?format=collapsed&type=",
    "?0x1234+0x", "%", "%00", "%zz", "../", "//", "?", "&", "=", "#", " HTTP/1.1\r\n", " HTTP/1.0\r\n", " HTTP/9.9\r\n", " HTTP/1.1",
    "Host: localhost\r\n", "Host: evil\r\n", "Host:\r\n", "Origin: null\r\n", "Content-Length: 10\r\n", "Content-Length: -1\r\n",
    "Content-Length: 99999999999999999999\r\n", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n",
    "Connection: close\r\n", "Connection: keep-alive\r\n", "Range: bytes=0-1\r\n", "Accept: application/openmetrics-text\r\n",
    "X: y\r\n z\r\n", ": \r\n", "\r\n", "\n", "\r", "5\r\nhello\r\n", "0\r\n\r\n", "ffffffffffffffff\r\n", "0x55d1+0x55a0", "\r\n\r\n",
};

static size_t make_nonsense(char *bytes, size_t room)
{
    size_t count = 0;
    for (unsigned pieces = 1 + random_below(20); pieces > 0; pieces--) {
        const char *part = parts[random_below(sizeof(parts) / sizeof(parts[0]))];
        size_t length = strlen(part), repeat = random_below(30) == 0 ? random_below(300) + 1 : 1;
        for (; repeat > 0 && count + length < room; repeat--) {
            memcpy(bytes + count, part, length);
            count += length;
        }
    }
    for (unsigned changes = random_below(4); changes > 0 && count != 0; changes--)
        bytes[random_below((unsigned)count)] = (char)random_below(256);
    return count;
}

static void fuzz(uint64_t seed, int count)
{
    enum { OFTEN = 50 };
    static char bytes[1 << 17], answer[1 << 16];
    state = seed * 2654435761u + 1;
    for (int i = 0; i < count; i++) {
        int fd = connect_to(&address);
        if (fd < 0)
            die("nobody listens any more");
        (void)send_all(fd, bytes, make_nonsense(bytes, sizeof(bytes)));
        struct pollfd one = { .fd = fd, .events = POLLIN };
        if (random_below(3) != 0 && poll(&one, 1, (int)random_below(20)) > 0)
            (void)recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
        close(fd);
        if (i % OFTEN == 0)
            ask_properly("after nonsense");
    }
    ask_properly("after all the nonsense");
    printf("%d pieces of nonsense\n", count);
}

/* ---- too much -------------------------------------------------------------------------- */

/* What is said before, so many times something, what is said behind. The server says no, or hangs up. */
static void send_huge(const char *before, const char *something, size_t times, const char *behind,
                      int expected)
{
    enum { CHUNK = 1 << 16 };
    int fd = connect_to(&address), status;
    size_t length = strlen(something), count = 0;
    char *chunk = malloc(CHUNK);
    bool is_taken = fd >= 0 && send_all(fd, before, strlen(before));
    for (size_t i = 0; i < times && is_taken; i++) {
        memcpy(chunk + count, something, length);
        count += length;
        if (count + length > CHUNK || i + 1 == times) {
            is_taken = send_all(fd, chunk, count);
            count = 0;
        }
    }
    if (is_taken)
        (void)send_all(fd, behind, strlen(behind));
    status = fd < 0 ? -1 : status_of(fd, 20);
    if (status != expected && status != 0) {
        fprintf(stderr, "%.30s... %zu times \"%.10s\": %d, not %d\n", before, times, something, status, expected);
        exit(1);
    }
    free(chunk);
    close(fd);
    ask_properly("after too much");
}

static void be_huge(void)
{
    send_huge("GET /", "a", 1 << 20, " HTTP/1.1\r\nHost: localhost\r\n\r\n", 414);
    send_huge("GET /debug/mem?", "a&", 1 << 20, " HTTP/1.1\r\nHost: localhost\r\n\r\n", 414);
    send_huge("GET /debug/mem HTTP/1.1\r\nHost: localhost\r\nX: ", "b", 10 << 20, "\r\n\r\n", 431);
    send_huge("GET /debug/mem HTTP/1.1\r\nHost: localhost\r\n", "X: y\r\n", 1 << 18, "\r\n", 431);
    send_huge("POST /debug/pprof/symbol HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33554432\r\n\r\n", "0x1+", 8 << 20,
              "", 413);
    send_huge("POST /debug/pprof/symbol HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\n\r\n", "0x1+", 100000, "",
              200);
    printf("huge requests\n");
}

static void go_early(int count)
{
    static const char *const requests[] = {
        "GET /debug/pprof/heap?debug=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /debug/pprof/heap?seconds=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /debug/memlog/uplot.js HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /debug/pprof/symbol HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n0x1",
    };
    const struct linger at_once = { 1, 0 };
    for (int i = 0; i < count; i++) {
        const char *request = requests[i % 4];
        int fd = connect_to(&address);
        if (fd < 0)
            die("nobody listens any more");
        (void)send_all(fd, request, strlen(request));
        if (i % 8 < 4)
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        close(fd);
    }
    sleep(2);
    ask_properly("after those who went");
    printf("%d who went early\n", count);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    address = address_of(argv[1]);
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(argv[2], "slow") == 0 && argc == 5)
        be_slow(atoi(argv[3]), atoi(argv[4]));
    else if (strcmp(argv[2], "fuzz") == 0 && argc == 5)
        fuzz(strtoull(argv[3], NULL, 10), atoi(argv[4]));
    else if (strcmp(argv[2], "huge") == 0)
        be_huge();
    else if (strcmp(argv[2], "gone") == 0 && argc == 4)
        go_early(atoi(argv[3]));
    else
        return 2;
    return 0;
}
