/* SPDX-License-Identifier: MIT */
#include "image/snapshot.h"

#include <errno.h>
#include <stdlib.h>

int ml_snapshot_take(struct ml_snapshot *snapshot, struct ml_image *image, pid_t pid)
{
    (void)snapshot, (void)image, (void)pid;
    return -ENOTSUP;
}

void ml_snapshot_free(struct ml_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->mappings_count; i++)
        free(snapshot->mappings[i].name);
    free(snapshot->mappings);
    free(snapshot->buckets);
    free(snapshot->pcs);
    *snapshot = (struct ml_snapshot){ 0 };
}
