/* SPDX-License-Identifier: MIT */
#include "heap/threadgroup.h"

#include "base/publish.h"
#include "heap/metadata.h"

struct ml_thread_group *ml_thread_groups;
ML_PUBLISH("threadgroup.groups", ml_thread_groups);
ML_PUBLISH_NUMBER(threads_in_group, ML_THREADS_IN_GROUP);
ML_PUBLISH_STRUCT(ml_thread_group);
ML_PUBLISH_MEMBER(ml_thread_group, threads);
ML_PUBLISH_MEMBER(ml_thread_group, next);
ML_PUBLISH_MEMBER(ml_thread_group, used);
ML_PUBLISH_MEMBER(ml_thread_group, users);
ML_PUBLISH_MEMBER(ml_thread_group, swept);

static unsigned newest_count; /* of blocks in the newest group */

static bool add_group(void)
{
    struct ml_thread_group *group = ml_metadata_alloc(ML_POOL_THREADS, sizeof(*group));
    if (group == NULL)
        return false;
    group->next = ml_thread_groups;
    newest_count = 0;
    __atomic_store_n(&ml_thread_groups, group, __ATOMIC_RELEASE);
    return true;
}

/* Blocks begin at different lines of their pages. Rounded up to a power of two
 * they would else have the same magazine in the same set of the CPU's first
 * cache, and a reader's second look would find nothing there. There are as many
 * places as what rounding up leaves room for: with five blocks of a group to
 * each, a set of eight lines holds one magazine of all. */
enum {
    BLOCK_BYTES = 1 << 14,
    COLOURS = (BLOCK_BYTES - sizeof(struct ml_thread)) / ML_CACHE_LINE + 1
};
_Static_assert(sizeof(struct ml_thread) < BLOCK_BYTES && COLOURS >= ML_THREADS_IN_GROUP / 5,
               "a block and its colours fill a power of two");

static struct ml_thread *new_coloured_block(unsigned place)
{
    char *block = ml_metadata_alloc(ML_POOL_THREADS, BLOCK_BYTES);
    return block == NULL ? NULL
                         : (struct ml_thread *)(block + place % COLOURS * ML_CACHE_LINE);
}

struct ml_thread *ml_thread_group_new_block(void)
{
    if ((ml_thread_groups == NULL || newest_count == ML_THREADS_IN_GROUP) && !add_group())
        return NULL;
    struct ml_thread *thread = new_coloured_block(newest_count);
    if (thread == NULL)
        return NULL;
    thread->group = ml_thread_groups;
    thread->place = newest_count++;
    __atomic_store_n(&thread->group->threads[thread->place], thread, __ATOMIC_RELEASE);
    return thread;
}

void ml_thread_group_note_use(const struct ml_thread *thread, unsigned bin)
{
    struct ml_thread_group *group = thread->group;
    uint64_t bit = (uint64_t)1 << thread->place;
    if (__atomic_load_n(&group->users[bin], __ATOMIC_RELAXED) & bit)
        return;
    __atomic_fetch_or(&group->users[bin], bit, __ATOMIC_RELEASE);
    /* After the bit: who sees the bin here finds its user there. */
    __atomic_fetch_or(&group->used[bin >> 6], (uint64_t)1 << (bin & 63), __ATOMIC_RELEASE);
}
