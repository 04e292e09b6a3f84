/* SPDX-License-Identifier: MIT */
/* file.h - the file that the log is in: append, and recover by itself.
 *
 * One sample is one write(2) of whole lines to a descriptor in append mode.
 * What has to come before it goes into the same write:
 *
 *   " ?\n"        when the last line was cut: by a kill, by a disk that was
 *                 full part-way. Readers skip a line whose last field is "?".
 *   "\n"          between an old run and this one: gnuplot breaks the curve
 *   header        in a file that is new to us: at the start, after a rotation
 *   "# lost ..."  when samples before this one could not be written
 *
 * The descriptor is never trusted: before every write it is compared with the
 * path, so that a rotation is followed, and with what was opened, so that a
 * program that closes descriptors which aren't its own finds no log lines in
 * the file that it opens next.
 *
 * Nothing here blocks on a reader, and no signal comes of it (SIGPIPE,
 * SIGXFSZ). errno is clobbered, and the calls are cancellation points: both
 * are for the caller to keep from the program. Guarded by the caller's lock.
 */
#ifndef ML_LOG_FILE_H
#define ML_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bits.h"
#include "log/place.h"
#include "log/record.h"

enum {
    ML_FILE_PAYLOAD_BYTES = 5120, /* of one append: a sample and its comments */
    ML_FILE_BATCH_BYTES = 12288   /* of one write */
};
_Static_assert(ML_RECORD_SAMPLE_BYTES + 2 * ML_RECORD_COMMENT_BYTES <= ML_FILE_PAYLOAD_BYTES,
               "a sample with its mark and a change of the limit fits into one append");

struct ml_file {
    const char *path; /* the caller's; absolute, since the program may change its directory */
    const char *header;            /* the caller's, may change between appends */
    size_t header_length;
    uint64_t max_bytes; /* above it the file is renamed to FILE.1; 0: no cap */

    int fd;         /* -1: none now */
    dev_t device;   /* what fd was opened on */
    ino_t inode;
    bool regular;   /* a file with a size and an end, not a pipe or a terminal */
    uint64_t known_bytes; /* its size when we last saw it: smaller now means truncated */

    bool tail_cut;
    bool blank_due;
    bool header_due;
    uint64_t lost_unreported; /* samples, for the next "# lost" line */
    int lost_error;
    int rename_error; /* for a comment: the cap can't be kept; -1: said already */

    /* Samples in the file, and lost. Written under the caller's lock, read by anybody. */
    uint64_t samples;
    uint64_t lost;

    char batch[ML_FILE_BATCH_BYTES];
};
_Static_assert(ML_RECORD_HEADER_BYTES + ML_FILE_PAYLOAD_BYTES + 1000 <= ML_FILE_BATCH_BYTES,
               "the longest header, the comments and a payload fit into one write");

/* Open file->path for appending, creating it. 0 or -errno; a fifo that nobody
 * reads yet is not an error. The header goes out with the first append. */
int ml_file_open(struct ml_file *file) ML_MUST_CHECK;
/* Write whole lines at once. sample_bytes: where the sample in them ends, 0
 * when there is none; a sample that does not get that far is counted as lost
 * and reported later. 0 when all was written, else -errno. */
int ml_file_append(struct ml_file *file, const char *lines, size_t count, size_t sample_bytes);
/* Count samples and lost ones from 0. */
void ml_file_reset_counts(struct ml_file *file);
/* Close the descriptor if it is still ours. In a forked child too. */
void ml_file_close(struct ml_file *file);

#endif
