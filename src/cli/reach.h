/* SPDX-License-Identifier: MIT */
/* reach.h - how to get at the numbers of a process that memlog runs, as it execs, becomes another user, and
 * ends: out of its memory (image/image.h), from where its slot says or where memlog is found; or,
 * where that is refused, from what a thread inside of it writes to the board. One line on stderr
 * says when there is no way.
 */
#ifndef ML_CLI_REACH_H
#define ML_CLI_REACH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/space.h"
#include "image/image.h"
#include "log/board.h"

struct ml_reach {
    pid_t pid;
    struct ml_board_slot *slot;
    uint64_t interval_ns; /* how often a thread inside is to write */
    struct ml_space space;
    struct ml_image *image; /* NULL: its memory can't be read, or it has not said where to */
    uint32_t images_seen;   /* of the slot, when the image was opened */
    bool was_refused;       /* said already */
    uint64_t failing_ns;    /* monotonic: since when memlog can't be read in it; 0: it can */
    uint64_t searched_ns;   /* monotonic: when memlog was looked for in it; 0: not */
    struct ml_raw_stats raw; /* large */
};

void ml_reach_init(struct ml_reach *reach, pid_t pid, struct ml_board_slot *slot, uint64_t interval_ns);
void ml_reach_close(struct ml_reach *reach);
/* Whether there is somewhere to read. The slot may tell of another program by now, whose memlog
 * is elsewhere. */
bool ml_reach_has_numbers(struct ml_reach *reach);
/* All numbers as they are now; extra may be NULL. 0 or -errno. */
int ml_reach_read(struct ml_reach *reach, struct memlog_memstats *stats, struct memlog_extra *extra);
/* What ml_reach_read has returned: look for memlog again, or say that there is none. True for 0. */
bool ml_reach_heed(struct ml_reach *reach, int error);
/* Say, once, that the program has a malloc of its own, if it has. */
void ml_reach_tell_of_malloc(const struct ml_reach *reach);

#endif
