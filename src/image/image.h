/* SPDX-License-Identifier: MIT */
/* image.h - memlog inside another process, read out of its memory alone.
 *
 * From the root (stats/root.h) on: the published variables, the threads' blocks.
 * The process goes on meanwhile, and nothing in it is called. What a reading of
 * one's own does with the order of its loads (heap/sums.h) is done here with the
 * order of the copies. A process that was stopped in the middle of an update does not
 * finish it: then the numbers are as they stand, and `torn` says so.
 */
#ifndef ML_IMAGE_IMAGE_H
#define ML_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/memory.h"
#include "image/published.h"
#include "stats/raw.h"

struct ml_image;

/* Begin with the root there. NULL, and *error: -ENOTSUP for what no memlog of these
 * sources has made, -ENOMEM, or what reading gave. `memory` is copied. */
struct ml_image *ml_image_open(const struct ml_memory *memory, uintptr_t root, int *error);
void ml_image_close(struct ml_image *image);

/* All numbers as they are now. 0, or -errno: *raw means nothing then. */
int ml_image_read(struct ml_image *image, struct ml_raw_stats *raw);
/* The lines that its own log has, and has lost: into log_samples and log_lost. They stay where none
 * are told. */
void ml_image_add_log_counts(struct ml_image *image, struct memlog_extra *extra);
/* The last reading met an update that did not end. */
bool ml_image_is_torn(const struct ml_image *image);
/* It met a thread in the middle of one: nothing to be said of a process that runs. */
bool ml_image_met_update(const struct ml_image *image);
/* Of a process that stands: it met a thread's counters among which there are values that can't be. */
bool ml_image_has_nonsense(const struct ml_image *image);
/* Which threads it met so: how many, and the first `most` of them by the kernel's numbers. */
size_t ml_image_amid(const struct ml_image *image, uint32_t *tids, size_t most);
/* As ml_gc_cycles and ml_gc_record_read; 0 and false when it can't be read. */
uint64_t ml_image_cycles(struct ml_image *image);
bool ml_image_cycle(struct ml_image *image, uint64_t number, struct ml_gc_record *record);

/* Where the heap profile begins there, for snapshot.h. 0 or -errno. */
struct ml_image_profile {
    uint64_t rate;           /* as ml_sample_rate */
    uintptr_t newest_bucket; /* as ml_bucket_first; 0: none */
};
int ml_image_profile(struct ml_image *image, struct ml_image_profile *profile);
/* Whence all this is read, and what is published there. The image's. */
const struct ml_memory *ml_image_memory(const struct ml_image *image);
const struct ml_published_list *ml_image_published(const struct ml_image *image);

#endif
