/* SPDX-License-Identifier: MIT */
#include "http/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/process.h"

/* ---- as it is written ----------------------------------------------------------------- */

static const char *parse_unix(const char *path, struct ml_address_parts *parts)
{
    if (*path == '\0')
        return "there is no path behind \"unix:\"";
    if (strlen(path) >= sizeof(parts->path))
        return "the path is longer than the 107 bytes that a socket's may have";
    parts->is_unix = true;
    strcpy(parts->path, path);
    return NULL;
}

static bool is_port(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && strlen(text) <= 5 && number <= 65535;
}

static const char *take_host(const char *host, size_t length, struct ml_address_parts *parts)
{
    if (length >= sizeof(parts->host))
        return "the host is too long";
    memcpy(parts->host, host, length);
    parts->host[length] = '\0';
    if (length == 0)
        strcpy(parts->host, "127.0.0.1");
    else if (strcmp(parts->host, "*") == 0)
        parts->host[0] = '\0';
    return NULL;
}

const char *ml_address_parse(const char *address, struct ml_address_parts *parts)
{
    *parts = (struct ml_address_parts){ 0 };
    if (strncmp(address, "unix:", 5) == 0)
        return parse_unix(address + 5, parts);
    const char *host = address, *end = strrchr(address, ':'), *port = end == NULL ? address : end + 1;
    if (end == NULL)
        end = address;
    if (*address == '[') {
        host++;
        end = strchr(address, ']');
        if (end == NULL || end[1] != ':')
            return "behind \"[\" stands an address of version 6, then \"]:\" and the port";
        port = end + 2;
    } else if (memchr(host, ':', (size_t)(end - host)) != NULL) {
        return "an address of version 6 stands in brackets: [::1]:6060";
    }
    if (!is_port(port))
        return "behind the last colon stands a port, 0 to 65535 (127.0.0.1:6060, unix:/run/x.sock)";
    strcpy(parts->port, port);
    return take_host(host, (size_t)(end - host), parts);
}

/* ---- in the file system ----------------------------------------------------------------- */

static int make_socket(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

/* What is left of one that was killed: a socket that nobody answers at. */
static bool is_left_over(const struct sockaddr_un *name)
{
    struct stat status;
    int fd = lstat(name->sun_path, &status) == 0 && S_ISSOCK(status.st_mode) ? make_socket(AF_UNIX) : -1;
    if (fd < 0)
        return false;
    bool is_refused = connect(fd, (const struct sockaddr *)name, sizeof(*name)) != 0 &&
                      errno == ECONNREFUSED;
    close(fd);
    return is_refused;
}

/* The mode is the inode's from its first moment on: no moment in which others can connect. */
static int bind_unix(int fd, const struct sockaddr_un *name)
{
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)name, sizeof(*name)) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    if (!is_left_over(name) || unlink(name->sun_path) != 0)
        return -EADDRINUSE;
    return bind(fd, (const struct sockaddr *)name, sizeof(*name)) == 0 ? 0 : -errno;
}

static int open_unix(struct ml_listener *listener, const char *path)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    struct stat status;
    char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
    int length = snprintf(name.sun_path, sizeof(name.sun_path), "%s%s%s", folder == NULL ? "" : folder,
                          folder == NULL ? "" : "/", path);
    free(folder);
    if (length >= (int)sizeof(name.sun_path))
        return -ENAMETOOLONG;
    int fd = make_socket(AF_UNIX);
    if (fd < 0)
        return fd;
    int error = bind_unix(fd, &name);
    if (error == 0 && (listen(fd, SOMAXCONN) != 0 || stat(name.sun_path, &status) != 0))
        error = -errno;
    if (error != 0) {
        close(fd);
        return error;
    }
    listener->fd = fd;
    listener->is_unix = true;
    listener->device = status.st_dev;
    listener->inode = status.st_ino;
    strcpy(listener->path, name.sun_path);
    snprintf(listener->shown, sizeof(listener->shown), "unix:%s", name.sun_path);
    return 0;
}

/* ---- in the network --------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr *address)
{
    enum { LOOPBACK_NET = 127 };
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == LOOPBACK_NET;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static int bind_and_listen(const struct addrinfo *info)
{
    const int yes = 1, no = 0;
    int fd = make_socket(info->ai_family);
    if (fd < 0)
        return fd;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (info->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

static int take_address(struct ml_listener *listener, const struct addrinfo *info)
{
    int fd = bind_and_listen(info);
    if (fd < 0)
        return fd;
    listener->fd = fd;
    listener->is_open_to_others = !is_loopback(info->ai_addr);
    return 0;
}

static void show(struct ml_listener *listener, const char *host)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    char number[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
    if (getsockname(listener->fd, (struct sockaddr *)&bound, &length) == 0)
        (void)getnameinfo((struct sockaddr *)&bound, length, number, sizeof(number), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV);
    const char *text = host[0] != '\0' ? host : number;
    bool is_six = strchr(text, ':') != NULL;
    snprintf(listener->shown, sizeof(listener->shown), "http://%s%s%s:%s", is_six ? "[" : "", text,
             is_six ? "]" : "", port);
}

/* What is wrong, where no errno says it: *why. */
static int open_network(struct ml_listener *listener, const struct ml_address_parts *parts,
                        const char **why)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *infos;
    int error = getaddrinfo(parts->host[0] == '\0' ? NULL : parts->host, parts->port, &hints, &infos);
    if (error != 0) {
        *why = gai_strerror(error);
        return -EADDRNOTAVAIL;
    }
    /* All addresses are those of both versions, where there are both: a socket of version 6 has them. */
    bool is_all = parts->host[0] == '\0';
    error = -EADDRNOTAVAIL;
    for (const struct addrinfo *info = infos; info != NULL && is_all; info = info->ai_next)
        if (info->ai_family == AF_INET6)
            error = take_address(listener, info);
    for (const struct addrinfo *info = infos; info != NULL; info = info->ai_next)
        if (listener->fd < 0)
            error = take_address(listener, info);
    freeaddrinfo(infos);
    if (listener->fd < 0)
        return error;
    show(listener, parts->host);
    return 0;
}

/* ---- both --------------------------------------------------------------------------------- */

static const char *advice(int error)
{
    return error == -EADDRINUSE ? "; choose another port or path"
           : error == -EACCES   ? "; choose a port above 1023, or a folder that may be written to"
                                : "";
}

int ml_listener_open(struct ml_listener *listener, const char *address)
{
    struct ml_address_parts parts;
    const char *why = ml_address_parse(address, &parts);
    *listener = (struct ml_listener){ .fd = -1 };
    int error = -EINVAL;
    if (why == NULL)
        error = parts.is_unix ? open_unix(listener, parts.path) : open_network(listener, &parts, &why);
    if (error == 0)
        return 0;
    ml_os_complain("no pages at ", address, ": ", why != NULL ? why : ml_os_error_text(-error),
                   why != NULL ? "" : advice(error), NULL);
    return error;
}

void ml_listener_unlink(const struct ml_listener *listener)
{
    struct stat status;
    if (listener->is_unix && lstat(listener->path, &status) == 0 &&
        status.st_dev == listener->device && status.st_ino == listener->inode)
        (void)unlink(listener->path);
}

void ml_listener_close(struct ml_listener *listener)
{
    if (listener->fd >= 0)
        close(listener->fd);
    ml_listener_unlink(listener);
    *listener = (struct ml_listener){ .fd = -1 };
}
