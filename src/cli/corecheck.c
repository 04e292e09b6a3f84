/* SPDX-License-Identifier: MIT */
/* corecheck.c - memlog core --check: whether the heap is as it should be. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli/postmortem.h"
#include "image/heapcheck.h"

static void print_broken(const struct ml_heap_check *check, bool is_amid)
{
    printf("broken: %s\n", check->broken);
    if (check->span != 0)
        printf("  span     number %" PRIu32 "\n", check->span);
    if (check->address != 0)
        printf("  at       0x%" PRIxPTR "\n", check->address);
    if (is_amid)
        printf("  It may be no more than the update that a thread was in the middle of.\n");
}

int ml_core_print_check(struct ml_postmortem *dead)
{
    static struct ml_raw_stats raw; /* large */
    struct ml_heap_check check;
    int error = ml_image_read(dead->image, &raw);
    if (error == 0 && !ml_postmortem_need_heap(dead))
        return ML_CORE_FAILED;
    bool is_amid = error == 0 && ml_image_met_update(dead->image);
    if (error == 0)
        error = ml_heap_check(&check, &dead->heap, is_amid);
    if (error != 0) {
        ml_postmortem_complain(dead, "the check can't be done: ", error);
        return ML_CORE_FAILED;
    }
    if (check.broken != NULL)
        print_broken(&check, is_amid);
    else
        printf("the heap is as it should be: %" PRIu64 " spans, %" PRIu64 " objects%s\n", check.spans,
               check.objects, is_amid ? "; sums were not compared" : "");
    fflush(stdout);
    ml_postmortem_tell_of_updates(dead);
    return check.broken != NULL;
}
