/* SPDX-License-Identifier: MIT */
/* threadgroup.h - all threads' blocks, 64 to a group, and which of them have
 * used which magazine.
 *
 * Readers of the counters go through one bin of all threads, then the next
 * (counters.h says why). A word a bin names the blocks that are worth a look;
 * all others have counted nothing there. Groups are never given back, and bits
 * never cleared: blocks keep their counters. Written when a magazine is used
 * for the first time, with a read-modify-write, since 64 threads share a word.
 */
#ifndef ML_HEAP_THREADGROUP_H
#define ML_HEAP_THREADGROUP_H

#include "heap/threadcache.h"

enum { ML_THREADS_IN_GROUP = 64, ML_BIN_WORDS = (ML_BINS + 63) / 64 };

struct ml_thread_group {
    struct ml_thread *threads[ML_THREADS_IN_GROUP];
    struct ml_thread_group *next; /* older */
    uint64_t used[ML_BIN_WORDS];  /* bins with a bit in users */
    uint64_t users[ML_BINS];      /* bit n: threads[n] has used that magazine */
    uint64_t swept[ML_BINS];      /* frees by the sweep; read-modify-writes */
};

/* The newest group first; the list only grows, at its head. */
extern struct ml_thread_group *ml_thread_groups;

/* A new block in its place, with the registry's lock held. NULL when there is
 * no memory. */
struct ml_thread *ml_thread_group_new_block(void);
void ml_thread_group_note_use(const struct ml_thread *thread, unsigned bin);

static inline struct ml_thread_group *ml_thread_group_first(void)
{
    return __atomic_load_n(&ml_thread_groups, __ATOMIC_ACQUIRE);
}

/* The block of the lowest user; it was there before the bit. */
static inline struct ml_thread *ml_thread_group_user(const struct ml_thread_group *group,
                                                     uint64_t users)
{
    return __atomic_load_n(&group->threads[ml_ctz64(users)], __ATOMIC_RELAXED);
}

#endif
