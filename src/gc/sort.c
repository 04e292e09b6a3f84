/* SPDX-License-Identifier: MIT */
/* sort.c - qsort and qsort_r, in front of the C library's.
 *
 * That sorts by merging into a buffer from malloc, which the collector does
 * not look into: while what was merged is copied back, an element may be
 * nowhere else. So a copy of the array, which is the same elements in any
 * order, is kept on the collected heap and referred to from the stack as long
 * as it takes. A comparison that never returns leaves it to the collector.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gc/alloc.h"
#include "gc/asleep.h"
#include "gc/real.h"
#include "heap/alloc.h"

/* Below so many bytes the buffer is on the stack, where it is seen. (Elements
 * of more than 32 bytes are sorted by pointers to them, which take less.) */
enum { ON_STACK_BYTES = 1024 };

static bool may_be_out_of_sight(size_t count, size_t size)
{
    return __atomic_load_n(&ml_map.base, __ATOMIC_RELAXED) != 0 && count > 1 &&
           size >= sizeof(void *) && count <= PTRDIFF_MAX / size &&
           count * size >= ON_STACK_BYTES;
}

/* Most arrays hold numbers, or addresses of other memory: no copy for those. */
static bool holds_addresses(const void *array, size_t bytes)
{
    const uintptr_t *word = (const uintptr_t *)ml_align_up((uintptr_t)array, sizeof(*word));
    const uintptr_t *end = (const uintptr_t *)ml_align_down((uintptr_t)array + bytes, sizeof(*word));
    for (; word < end; word++)
        if (ml_in_heap(*word))
            return true;
    return false;
}

/* NULL when none is needed, or there is no memory: sorting goes on without. */
static void *copy_of(const void *array, size_t count, size_t size)
{
    int saved_errno = errno;
    if (ml_gc_is_asleep() || !may_be_out_of_sight(count, size) || !holds_addresses(array, count * size))
        return NULL;
    /* Its words are aligned as the array's are. */
    size_t skew = (uintptr_t)array % sizeof(uintptr_t);
    char *copy = ml_gc_alloc(count * size + skew, ML_SCAN);
    if (copy != NULL)
        memcpy(copy + skew, array, count * size);
    errno = saved_errno;
    return copy;
}

static void drop(void *copy)
{
    if (copy != NULL)
        ml_heap_free(copy);
}

EXPORT void qsort(void *array, size_t count, size_t size,
                  int (*compare)(const void *, const void *))
{
    typedef void sort_function(void *, size_t, size_t, int (*)(const void *, const void *));
    void *volatile copy = copy_of(array, count, size);
    REAL(sort_function *, "qsort")(array, count, size, compare);
    drop(copy);
}

EXPORT void qsort_r(void *array, size_t count, size_t size,
                    int (*compare)(const void *, const void *, void *), void *argument)
{
    typedef void sort_function(void *, size_t, size_t,
                               int (*)(const void *, const void *, void *), void *);
    void *volatile copy = copy_of(array, count, size);
    REAL(sort_function *, "qsort_r")(array, count, size, compare, argument);
    drop(copy);
}

/* A static C library's own name for it: what else has that name brings another qsort. */
void __qsort_r(void *array, size_t count, size_t size,
               int (*compare)(const void *, const void *, void *), void *argument)
    __attribute__((alias("qsort_r"), nonnull(1, 4)));
