/* SPDX-License-Identifier: MIT */
/* snapshot.h - the heap profile of a process at one moment, copied out of its memory: what
 * profile/buckets.h holds there, and what is mapped, for whoever writes it down
 * afterwards. The process goes on meanwhile, and nothing in it is called. What is copied
 * is believed within bounds only: where the list of buckets goes nowhere, or round, as it
 * may in a process that is ending or was overwritten, it ends, and `torn` says so.
 *
 * Memory is the C library's: this is not for the allocation path.
 */
#ifndef ML_IMAGE_SNAPSHOT_H
#define ML_IMAGE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/image.h"
#include "os/maps.h"
#include "profile/buckets.h"

struct ml_snapshot_bucket {
    uintptr_t address; /* there; buckets stay where they are: the same in each snapshot */
    struct ml_bucket_counts counts; /* of samples, not scaled */
    uint32_t depth;
    const uintptr_t *pcs; /* return addresses, innermost first; the snapshot's */
};

struct ml_snapshot_mapping {
    uintptr_t begin, end;
    uint64_t offset;
    char *name;                               /* "/usr/bin/prog", "[vdso]" */
    char build_id[2 * ML_OS_BUILD_ID_MOST + 1]; /* hexadecimal; "": none */
};

struct ml_snapshot {
    uint64_t time_ns; /* since 1970 */
    uint64_t rate;    /* mean bytes from one sample to the next; 1: all; 0: there is no profile */
    struct ml_snapshot_bucket *buckets;
    size_t buckets_count;
    uintptr_t *pcs; /* of all buckets */
    struct ml_snapshot_mapping *mappings; /* of code, in order of their addresses */
    size_t mappings_count;
    bool torn; /* not all buckets were found */
};

/* The process's profile now. pid: whose /proc/PID/maps is read. 0 or -errno, as
 * ml_image_read, or -ENOMEM; then there is nothing to free. Two system calls and a little for
 * each page of buckets: a tenth of a second for 100,000 of them. */
int ml_snapshot_take(struct ml_snapshot *snapshot, struct ml_image *image, pid_t pid);
/* The same of a process that is not there any more, of which `each` tells the mappings in the order
 * of their addresses, names NUL-terminated or not; it returns 0 or -errno. */
typedef void ml_snapshot_mapping_taker(const struct ml_os_mapping *mapping, void *argument);
int ml_snapshot_take_dead(struct ml_snapshot *snapshot, struct ml_image *image,
                          int (*each)(void *context, ml_snapshot_mapping_taker *take, void *argument),
                          void *context);
/* Where the address is; NULL: in none of the mappings. */
const struct ml_snapshot_mapping *ml_snapshot_mapping_of(const struct ml_snapshot *snapshot,
                                                         uintptr_t address);
void ml_snapshot_free(struct ml_snapshot *snapshot);

#endif
