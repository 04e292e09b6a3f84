/* SPDX-License-Identifier: MIT */
/* contact.h - the numbers of a process that runs already: out of its memory, or, where that may
 * not be read, from who answers for it (log/control.h).
 *
 *   space.h   its memory, and whether it has become another program
 *   locate.h  where memlog is in it
 *   ask.h     asking
 */
#ifndef ML_CLI_CONTACT_H
#define ML_CLI_CONTACT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/ask.h"
#include "cli/space.h"
#include "image/image.h"
#include "log/board.h"

struct ml_contact {
    pid_t pid;
    struct ml_space space; /* open also where there are no numbers */
    uintptr_t root;         /* of memlog in it; 0: none was found */
    struct ml_image *image; /* NULL: its memory is not read */
    bool is_asked;
    struct ml_ask ask;
    bool has_answer; /* in `answer`, to the question whether anybody answers */
    struct ml_board_numbers answer; /* large */
    struct ml_raw_stats raw;        /* large */
};

/* 0, or -errno: -ENOENT: there is no memlog in it; -ENOTSUP: another version; -EPERM: its memory
 * may not be read, and nobody answers; -ESRCH: it has ended. While a process begins a program they
 * may be wrong for a moment. To be closed in any case. */
int ml_contact_open(struct ml_contact *contact, pid_t pid);
/* Also of one that was never opened, if all of it is 0 but what ML_CONTACT_NONE says. */
void ml_contact_close(struct ml_contact *contact);
#define ML_CONTACT_NONE { .space = { 0, -1, -1 }, .ask = { .box = { .fd = -1 } } }
/* All numbers as they are now. 0; -ESTALE or -EFAULT: it runs another program; -ESRCH: it has ended;
 * -ECONNREFUSED, -ETIMEDOUT: nobody answers any more, or not now. */
int ml_contact_read(struct ml_contact *contact, struct memlog_memstats *stats, struct memlog_extra *extra);

#endif
