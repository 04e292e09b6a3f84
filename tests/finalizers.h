/* SPDX-License-Identifier: MIT */
/* finalizers.h - for tests of finalizers: objects that know which they are, and
 * a note of what was called for which. */
#ifndef MEMLOG_TESTS_FINALIZERS_H
#define MEMLOG_TESTS_FINALIZERS_H

#include <unistd.h>

#include "gc/finalize.h"
#include "gc_objects.h"

#define MAGIC UINT64_C(0x6d656d6c6f672121)

struct item {
    uint64_t magic;
    struct item *next, *other;
};

enum { NOBODYS = 4095, NOTES = 4096 };
static struct {
    uint32_t count;
    hidden_t object; /* that is to be called for; 0: any */
    uint32_t wrong;
} runs[NOTES]; /* by the finalizer's data */

static __attribute__((unused)) void note_run(void *object, void *data)
{
    uintptr_t number = (uintptr_t)data % NOTES;
    bool right = runs[number].object == 0 || runs[number].object == hide(object);
    __atomic_fetch_add(&runs[number].wrong, !right, __ATOMIC_RELAXED);
    __atomic_fetch_add(&runs[number].count, 1, __ATOMIC_RELAXED);
}

static __attribute__((unused)) void fail_if_run(void *object, void *data)
{
    (void)object, (void)data;
    _exit(86);
}

/* An object with note_run; number NOBODYS: not noted which. */
static __attribute__((noinline, unused)) struct item *new_item(unsigned number, size_t bytes, enum ml_kind kind)
{
    struct item *item = ml_gc_alloc(bytes, kind);
    item->magic = MAGIC;
    if (number != NOBODYS)
        runs[number].object = hide(item);
    ck_assert_int_eq(memlog_set_finalizer(item, note_run, (void *)(uintptr_t)number), 0);
    return item;
}

/* Nothing refers to them. */
static __attribute__((noinline, unused)) void make_finalized(hidden_t *hidden, unsigned count,
                                                             size_t bytes, enum ml_kind kind)
{
    for (unsigned i = 0; i < count; i++)
        hidden[i] = hide(new_item(i, bytes, kind));
}

static inline struct ml_finalize_counts finalizers(void) { return ml_finalize_counts(); }

enum { PATIENCE_MS = 60000 };

/* Until nothing that is due has still to run. */
static __attribute__((unused)) void wait_for_none_queued(void)
{
    for (int ms = 0; ms < PATIENCE_MS && finalizers().queued != 0; ms++)
        usleep(1000);
    ck_assert_uint_eq(finalizers().queued, 0);
}

/* Collect until so many have run. */
static __attribute__((unused)) void wait_for_runs(uint64_t at_least)
{
    for (int ms = 0; ms < PATIENCE_MS && finalizers().run < at_least; ms += 5) {
        collect();
        usleep(5000);
    }
    ck_assert_uint_ge(finalizers().run, at_least);
}

#endif
