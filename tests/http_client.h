/* SPDX-License-Identifier: MIT */
/* http_client.h - what programs that load or attack a server of pages share. */
#ifndef MEMLOG_TESTS_HTTP_CLIENT_H
#define MEMLOG_TESTS_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* "http://127.0.0.1:4711" or "127.0.0.1:4711". */
static inline struct sockaddr_in address_of(const char *url)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    char host[64] = "";
    unsigned port = 0;
    const char *at = strstr(url, "://");
    if (sscanf(at == NULL ? url : at + 3, "%63[^:]:%u", host, &port) != 2 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "%s: no address\n", url);
        exit(2);
    }
    address.sin_port = htons((uint16_t)port);
    return address;
}

/* -1: refused. */
static inline int connect_to(const struct sockaddr_in *address)
{
    const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Bytes of a body in chunks, each behind its length; 0: its end has not come yet, -1: it is none. */
static inline long chunked_bytes(const char *bytes, size_t count)
{
    size_t at = 0;
    for (;;) {
        const char *line = memmem(bytes + at, count - at, "\r\n", 2);
        if (line == NULL)
            return 0;
        char *end;
        unsigned long length = strtoul(bytes + at, &end, 16);
        if (end != line)
            return -1;
        at = (size_t)(line - bytes) + 2 + length + 2;
        if (at > count)
            return 0;
        if (length == 0)
            return (long)at;
    }
}

/* Of what has come of an answer: where it ends, 0 when that is not there yet, -1 when it is none.
 * *status is its status. */
static inline long answer_bytes(const char *bytes, size_t count, int *status)
{
    const char *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (count >= 12 && sscanf(bytes, "HTTP/1.%*d %d", status) != 1)
        return -1;
    if (end == NULL)
        return 0;
    char head[4096];
    size_t length = (size_t)(end - bytes) + 4;
    if (length >= sizeof(head))
        return -1;
    memcpy(head, bytes, length);
    head[length] = '\0';
    if (strcasestr(head, "\r\nTransfer-Encoding: chunked") != NULL) {
        long chunks = chunked_bytes(bytes + length, count - length);
        return chunks <= 0 ? chunks : (long)length + chunks;
    }
    const char *field = strcasestr(head, "\r\nContent-Length:");
    long body = field == NULL ? 0 : atol(field + strlen("\r\nContent-Length:"));
    return count >= length + (size_t)body ? (long)length + body : 0;
}

#endif
