/* SPDX-License-Identifier: MIT */
/* mailbox.h - letters between processes of one machine: datagrams to a name that is in no
 * file system (an abstract unix address) and goes with the process that has it.
 *
 * A letter is delivered whole or not at all, nobody waits for anybody, and there is no
 * connection to keep or to break. System calls are raw: errno stays, nothing is a
 * cancellation point, no signal comes of it. A descriptor that the program has closed, or has made
 * another file of, is not touched.
 */
#ifndef ML_OS_MAILBOX_H
#define ML_OS_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { ML_MAILBOX_NAME_BYTES = 40 };

struct ml_mailbox {
    int fd; /* -1: none */
    uint64_t inode;
};

/* Whom a letter is to, or from. */
struct ml_address {
    uint8_t length;
    char name[ML_MAILBOX_NAME_BYTES];
};

/* name: NULL for one that nobody else has. 0 or -errno (-EADDRINUSE). Where `by_whom` is to be
 * known, letters tell it: ml_mailbox_take. */
int ml_mailbox_open(struct ml_mailbox *box, const char *name, bool by_whom);
void ml_mailbox_close(struct ml_mailbox *box);
/* What others send to. False: it has none. */
bool ml_mailbox_address(const struct ml_mailbox *box, struct ml_address *address);
void ml_address_of(struct ml_address *address, const char *name);

/* The next letter, cut to the capacity; its bytes, or -EAGAIN: there is none, or
 * another -errno. A plain read(2): the one system call that no sandbox forbids. */
ssize_t ml_mailbox_read(struct ml_mailbox *box, void *buffer, size_t capacity);
/* The same, of a box that tells by whom: the user, as the kernel says, and the sender's
 * address. */
ssize_t ml_mailbox_take(struct ml_mailbox *box, void *buffer, size_t capacity, uid_t *user,
                        struct ml_address *from);
/* 0 or -errno (-ECONNREFUSED: nobody has that name; -EAGAIN: the box there is full). */
int ml_mailbox_send(struct ml_mailbox *box, const struct ml_address *to, const void *letter,
                    size_t bytes);

#endif
