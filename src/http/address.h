/* SPDX-License-Identifier: MIT */
/* address.h - where the pages are served: "127.0.0.1:6060", "[::1]:6060", "localhost:6060",
 * "unix:/run/server.sock". Without a host (":6060", "6060") it is this machine alone; all of its
 * addresses have to be named ("0.0.0.0:6060", "[::]:6060", "*:6060").
 */
#ifndef ML_HTTP_ADDRESS_H
#define ML_HTTP_ADDRESS_H

#include <netdb.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#define ML_HTTP_ADDRESS "127.0.0.1:6060"

/* An address as it is written. Pure. */
struct ml_address_parts {
    bool is_unix;
    char host[NI_MAXHOST];                               /* not of unix; "" for all addresses */
    char port[8];                                        /* not of unix */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of unix; absolute or not */
};
/* NULL, or what is wrong with it. */
const char *ml_address_parse(const char *address, struct ml_address_parts *parts);

struct ml_listener {
    int fd; /* -1: none; does not block, closes itself at exec */
    bool is_unix;
    bool is_open_to_others; /* other machines can reach it */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of unix */
    dev_t device; /* of the path, when it was made */
    ino_t inode;
    char shown[NI_MAXHOST + NI_MAXSERV + 16]; /* "http://127.0.0.1:6060", "unix:/run/server.sock" */
};
/* Bind and listen. A socket in the file system has mode 0600, and takes the place of one that nobody
 * listens to any more. 0, or -errno after one line on stderr. */
int ml_listener_open(struct ml_listener *listener, const char *address);
/* The socket's file goes, if it still is the one that was made. */
void ml_listener_unlink(const struct ml_listener *listener);
/* With its file. */
void ml_listener_close(struct ml_listener *listener);

#endif
