/* SPDX-License-Identifier: MIT */
/* recorder.h - the log of one process that memlog runs: when its numbers are
 * read, and what the log says of its end. They are read out of its memory; where that is
 * refused it is asked for them (board.h).
 */
#ifndef ML_CLI_RECORDER_H
#define ML_CLI_RECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/image.h"
#include "log/board.h"
#include "log/lines.h"

struct ml_recorder_settings {
    const char *file;    /* a pattern: place.h */
    const char *columns; /* NULL: none */
    uint64_t interval_ns;
    uint64_t max_bytes;
    bool tell_cycles;
    bool show_command;
    bool without_heap; /* the process has no memlog in it: what the system knows is logged */
};

struct ml_recorder;

/* A log for the process with that pid (as this one knows it), which has or will have
 * that slot. The file is opened, nothing is written yet. `name`: the program's, for
 * %e; arguments: for the header, NULL for what the slot tells. 0, or an errno's negative after
 * one line on stderr. */
int ml_recorder_open(struct ml_recorder **recorder, const struct ml_recorder_settings *settings,
                     const char *name, pid_t pid, char *const *arguments,
                     struct ml_board_slot *slot);
/* Its file, absolute; its lines; and the numbers of its last sample, NULL before the first. */
const char *ml_recorder_path(const struct ml_recorder *recorder);
struct ml_lines *ml_recorder_lines(struct ml_recorder *recorder);
const struct memlog_memstats *ml_recorder_stats(const struct ml_recorder *recorder);
/* Take a sample, if memlog in the process is ready for that. True when there are new
 * numbers, also where the file can't be written. */
bool ml_recorder_sample(struct ml_recorder *recorder);
/* The numbers as they are now, for others than the log. 0, or -errno: they can't be had. Any thread,
 * as the next; all others are for the one that opened it. */
int ml_recorder_read(struct ml_recorder *recorder, struct memlog_memstats *stats,
                     struct memlog_extra *extra);
/* Call use() with the process's memory, while nobody else looks into it. What that returned; -EAGAIN:
 * memlog in the process has not said where it is; -EPERM: it may not be read. */
int ml_recorder_use(struct ml_recorder *recorder,
                    int (*use)(struct ml_image *image, pid_t pid, void *argument), void *argument);
/* The process has ended: the last sample, if it left its numbers, and the line
 * "# end REASON". */
void ml_recorder_end(struct ml_recorder *recorder, const char *reason);
/* Three lines on stderr: where the log is, the peaks, what was alive at the end. */
void ml_recorder_sum_up(const struct ml_recorder *recorder);
void ml_recorder_close(struct ml_recorder *recorder);

#endif
