/* SPDX-License-Identifier: MIT */
#include "gc/seenroots.h"

#include <string.h>

#include "base/bits.h"
#include "gc/mark.h"
#include "heap/metadata.h"
#include "heap/threadcache.h"

ML_NO_ROOT static uintptr_t *memory;
static size_t capacity;

/* Inside: a thread that is stopped must not hold the lock of the pool. */
static bool grow(size_t count)
{
    enum { LEAST = 1 << 10 };
    size_t wanted = ml_max(LEAST, ml_align_up(count, LEAST));
    ml_heap_enter(ml_thread_self);
    if (memory != NULL)
        ml_metadata_free(ML_POOL_GC, memory, capacity * sizeof(*memory));
    memory = ml_metadata_alloc(ML_POOL_GC, wanted * sizeof(*memory));
    ml_heap_leave(ml_thread_self);
    capacity = memory == NULL ? 0 : wanted;
    return memory != NULL;
}

void ml_seen_keep(struct ml_seen_roots *seen, const uintptr_t *words, size_t count)
{
    count = ml_min(count, ML_SEEN_ROOTS_MOST);
    *seen = (struct ml_seen_roots){ NULL, 0, 0 };
    if (count > capacity && !grow(count))
        return;
    if (count != 0)
        memcpy(memory, words, count * sizeof(*words));
    *seen = (struct ml_seen_roots){ memory, count, 0 };
}

void ml_seen_confirm(struct ml_seen_roots *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        if (!ml_is_marked(seen->words[i]))
            seen->words[i] = 0;
}
