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

#include "stats/raw.h"

/* Where bytes come from: a living process, a core file. 0 or -errno, all or nothing. */
struct ml_memory {
    int (*read)(void *context, uintptr_t address, void *to, size_t bytes);
    void *context;
};

/* The memory of a living process (process_vm_readv, else /proc/PID/mem); the context is its
 * pid_t. -ESRCH: it is gone; -EPERM: the system does not allow it; -EFAULT. */
int ml_memory_of_process(void *pid, uintptr_t address, void *to, size_t bytes);

struct ml_image;

/* Begin with the root there. NULL, and *error: -ENOTSUP for what no memlog of these
 * sources has made, -ENOMEM, or what reading gave. `memory` is copied. */
struct ml_image *ml_image_open(const struct ml_memory *memory, uintptr_t root, int *error);
void ml_image_close(struct ml_image *image);

/* All numbers as they are now. 0, or -errno: *raw means nothing then. */
int ml_image_read(struct ml_image *image, struct ml_raw_stats *raw);
/* The last reading met an update that did not end. */
bool ml_image_is_torn(const struct ml_image *image);
/* As ml_gc_cycles and ml_gc_record_read; 0 and false when it can't be read. */
uint64_t ml_image_cycles(struct ml_image *image);
bool ml_image_cycle(struct ml_image *image, uint64_t number, struct ml_gc_record *record);

/* Where the heap profile begins there, for snapshot.h. 0 or -errno. */
struct ml_image_profile {
    uint64_t rate;           /* as ml_sample_rate */
    uintptr_t newest_bucket; /* as ml_bucket_first; 0: none */
};
int ml_image_profile(struct ml_image *image, struct ml_image_profile *profile);
/* Bytes of its memory, as struct ml_memory reads them. */
int ml_image_copy(struct ml_image *image, uintptr_t address, void *to, size_t bytes);

#endif
