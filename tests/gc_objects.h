/* SPDX-License-Identifier: MIT */
/* gc_objects.h - for tests of the collector: objects whose addresses the test
 * knows without holding a pointer to them.
 *
 * A hidden address is the complement of one: no word of it looks like a
 * pointer. The collector is conservative, and a stale word somewhere may keep
 * an object alive: so "lives" is asserted of every object, "goes" of all but a
 * few of many.
 */
#ifndef MEMLOG_TESTS_GC_OBJECTS_H
#define MEMLOG_TESTS_GC_OBJECTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "gc/alloc.h"
#include "gc/roots.h"
#include "heap/alloc.h"
#include "heap/audit.h"
#include "memlog.h"
#include "unit.h"

enum { OBJECTS = 100, SPARED = 5, SPARED_LEAST = 3 }; /* of so many, so many may stay by chance */

typedef uintptr_t hidden_t;

static inline hidden_t hide(const void *pointer) { return ~(uintptr_t)pointer; }
static inline void *reveal(hidden_t hidden) { return (void *)~hidden; }
static inline bool is_alive(hidden_t hidden) { return ml_heap_is_object(reveal(hidden)); }

static inline unsigned count_alive(const hidden_t *hidden, unsigned count)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < count; i++)
        alive += is_alive(hidden[i]);
    return alive;
}

/* Overwrite what earlier calls left below this frame. */
static __attribute__((noinline, unused)) void clear_stack(void)
{
    volatile char waste[32 * 1024];
    for (size_t i = 0; i < sizeof(waste); i++)
        waste[i] = 0;
}

/* Fill the slots with new objects; their addresses are left nowhere else. */
static __attribute__((noinline, unused)) void fill(void *volatile *slots, hidden_t *hidden, unsigned count,
                                                   size_t bytes, enum ml_kind kind)
{
    for (unsigned i = 0; i < count; i++) {
        slots[i] = ml_gc_alloc(bytes, kind);
        ck_assert_ptr_nonnull(slots[i]);
        hidden[i] = hide(slots[i]);
    }
}

/* Objects that nothing refers to. */
static __attribute__((noinline, unused)) void make_garbage(hidden_t *hidden, unsigned count,
                                                           size_t bytes, enum ml_kind kind)
{
    for (unsigned i = 0; i < count; i++)
        hidden[i] = hide(ml_gc_alloc(bytes, kind));
}

static __attribute__((noinline, unused)) void collect(void)
{
    clear_stack();
    memlog_gc();
}

/* Collect with some kinds of roots left out. */
static __attribute__((noinline, unused)) void collect_without(unsigned kinds)
{
    ml_roots_scanned = ML_ROOT_ALL & ~kinds;
    collect();
    ml_roots_scanned = ML_ROOT_ALL;
}

#define assert_all_alive(hidden, count) ck_assert_uint_eq(count_alive(hidden, count), count)
#define assert_nearly_all_gone(hidden, count) \
    ck_assert_uint_le(count_alive(hidden, count), ml_max((count) * SPARED / 100, SPARED_LEAST))
#define assert_whole()                                             \
    do {                                                           \
        const char *broken_rule_ = ml_heap_audit();                \
        ck_assert_msg(broken_rule_ == NULL, "%s", broken_rule_);   \
    } while (0)

/* The kind is needed: with it all objects live, without it nearly all go. */
#define assert_needed(kinds, hidden, count)          \
    do {                                             \
        collect();                                   \
        collect();                                   \
        assert_all_alive(hidden, count);             \
        collect_without(kinds);                      \
        assert_nearly_all_gone(hidden, count);       \
        assert_whole();                              \
    } while (0)

#endif
