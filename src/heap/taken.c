/* SPDX-License-Identifier: MIT */
#include "heap/taken.h"

#include "base/publish.h"

/* Below zero when magazines give back what ml_heap_taken_set left out. */
static int64_t taken_bytes;

uint64_t ml_heap_taken_bytes(void)
{
    int64_t bytes = __atomic_load_n(&taken_bytes, __ATOMIC_RELAXED);
    return bytes < 0 ? 0 : (uint64_t)bytes;
}
void ml_heap_taken_add(int64_t bytes)
{
    __atomic_fetch_add(&taken_bytes, bytes, __ATOMIC_RELAXED);
}
void ml_heap_taken_set(uint64_t bytes)
{
    __atomic_store_n(&taken_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
}

/* What two markers took up in the same instant, and both counted. */
static struct ml_marked_twice marked_twice;
ML_PUBLISH("taken.marked_twice", marked_twice);
ML_PUBLISH_STRUCT(ml_marked_twice);
ML_PUBLISH_MEMBER(ml_marked_twice, objects);
ML_PUBLISH_MEMBER(ml_marked_twice, bytes);

void ml_heap_note_marked_twice(uint64_t objects, uint64_t bytes)
{
    __atomic_fetch_add(&marked_twice.objects, objects, __ATOMIC_RELAXED);
    __atomic_fetch_add(&marked_twice.bytes, bytes, __ATOMIC_RELAXED);
    ml_heap_taken_add(-(int64_t)bytes);
}

struct ml_marked_twice ml_heap_marked_twice(void)
{
    return (struct ml_marked_twice){ __atomic_load_n(&marked_twice.objects, __ATOMIC_RELAXED),
                                     __atomic_load_n(&marked_twice.bytes, __ATOMIC_RELAXED) };
}
