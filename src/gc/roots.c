/* SPDX-License-Identifier: MIT */
#include "gc/roots.h"

#include <errno.h>
#include <string.h>

#include "base/publish.h"
#include "gc/finalize.h"
#include "gc/interpose.h"
#include "gc/mutator.h"
#include "heap/central.h"
#include "heap/large.h"
#include "heap/metadata.h"
#include "os/pages.h"
#include "os/segments.h"
#include "os/tls.h"

unsigned ml_roots_scanned = ML_ROOT_ALL;

struct visit {
    struct ml_marker *marker;
    uint64_t bytes;
};

static void visit_range(uintptr_t begin, uintptr_t end, void *argument)
{
    struct visit *visit = argument;
    ml_mark_range(visit->marker, begin, end, false);
    visit->bytes += end - begin;
}

/* ---- data segments ------------------------------------------------------------ */

/* The linker's names for the ends of what is marked with ML_NO_ROOT. */
extern char no_roots_begin[] __asm__("__start_memlog_no_roots")
    __attribute__((visibility("hidden")));
extern char no_roots_end[] __asm__("__stop_memlog_no_roots")
    __attribute__((visibility("hidden")));
ML_PUBLISH_ENTRY(no_roots_begin, "roots.no_roots_begin", no_roots_begin, 0);
ML_PUBLISH_ENTRY(no_roots_end, "roots.no_roots_end", no_roots_end, 0);

static void visit_segment(uintptr_t begin, uintptr_t end, void *argument)
{
    uintptr_t hole = (uintptr_t)no_roots_begin, hole_end = (uintptr_t)no_roots_end;
    if (hole < begin || hole >= end) {
        visit_range(begin, end, argument);
        return;
    }
    visit_range(begin, hole, argument);
    visit_range(hole_end, end, argument);
}

/* ---- added ranges ------------------------------------------------------------- */

struct range {
    uintptr_t begin, end;
};

static struct ml_lock ranges_lock;
static struct range *ranges;
static size_t ranges_count, ranges_capacity;
ML_PUBLISH("roots.ranges", ranges);
ML_PUBLISH("roots.ranges_count", ranges_count);
ML_PUBLISH_STRUCT(range);
ML_PUBLISH_MEMBER(range, begin);
ML_PUBLISH_MEMBER(range, end);

/* The lock is only held inside, so that no stopped thread holds it. */
static void lock_ranges(void)
{
    ml_heap_enter(ml_thread_self);
    ml_lock(&ranges_lock);
}

static void unlock_ranges(void)
{
    ml_unlock(&ranges_lock);
    ml_heap_leave(ml_thread_self);
}

static bool grow_ranges(void)
{
    size_t capacity = ranges_capacity == 0 ? 16 : ranges_capacity * 2;
    struct range *more = ml_metadata_alloc(ML_POOL_GC, capacity * sizeof(*more));
    if (more == NULL)
        return false;
    if (ranges_count != 0)
        memcpy(more, ranges, ranges_count * sizeof(*more));
    ml_metadata_free(ML_POOL_GC, ranges, ranges_capacity * sizeof(*more));
    ranges = more;
    ranges_capacity = capacity;
    return true;
}

int ml_roots_add(uintptr_t begin, uintptr_t end)
{
    int error = 0;
    lock_ranges();
    if (ranges_count == ranges_capacity && !grow_ranges())
        error = -ENOMEM;
    else
        ranges[ranges_count++] = (struct range){ begin, end };
    unlock_ranges();
    return error;
}

int ml_roots_remove(uintptr_t begin, uintptr_t end)
{
    int error = -ENOENT;
    lock_ranges();
    for (size_t i = ranges_count; i-- > 0;) {
        if (ranges[i].begin != begin || ranges[i].end != end)
            continue;
        ranges[i] = ranges[--ranges_count];
        error = 0;
        break;
    }
    unlock_ranges();
    return error;
}

void ml_roots_before_fork(void) { ml_lock(&ranges_lock); }
void ml_roots_after_fork(void) { ml_unlock(&ranges_lock); }

static uint64_t mark_added(struct ml_marker *marker)
{
    struct visit visit = { marker, 0 };
    for (size_t i = 0; i < ranges_count; i++)
        visit_range(ranges[i].begin, ranges[i].end, &visit);
    return visit.bytes;
}

/* ---- uncollectable objects ------------------------------------------------------- */

/* Returns the bytes of the span's objects, with those in magazines. */
static uint64_t visit_span(struct ml_span *span, struct visit *visit)
{
    uint64_t bytes = ml_span_object_bytes(span), taken = 0;
    for (unsigned slot = 0; slot < span->slots; slot++) {
        if (!ml_span_is_taken(span, slot))
            continue;
        uintptr_t begin = ml_span_slot_address(span, slot);
        taken += bytes;
        if (ml_state_get(ml_granule_of((void *)begin)) != 0)
            visit_range(begin, begin + bytes, visit);
    }
    return taken;
}

static uint64_t visit_list(const struct ml_span_list *list, struct visit *visit)
{
    uint64_t taken = 0;
    for (uint32_t number = list->first; number != 0; number = ml_span_at(number)->next)
        taken += visit_span(ml_span_at(number), visit);
    return taken;
}

static uint64_t mark_uncollectable(struct ml_marker *marker, uint64_t *taken)
{
    struct visit visit = { marker, 0 };
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        unsigned bin = ml_bin_of(class, ML_UNCOLLECTABLE);
        for (uint32_t shards = ml_bin_shards(bin); shards != 0; shards &= shards - 1) {
            *taken += visit_list(&ml_bin_shard(shards, bin)->partial, &visit);
            *taken += visit_list(&ml_bin_shard(shards, bin)->full, &visit);
        }
    }
    *taken += visit_list(&ml_large_lists[ML_UNCOLLECTABLE], &visit);
    return visit.bytes;
}

/* ---- threads ------------------------------------------------------------------------ */

static bool is_first_thread(const struct ml_mutator *mutator)
{
    return mutator->tid == ml_os_pid();
}

/* A stack pointer that is not in the stack the thread began with is in one of
 * the program's own (a signal stack, a coroutine's): that one is looked at
 * from there, and the first one whole, since nobody knows how far it is used. */
static uint64_t mark_two_stacks(struct ml_marker *marker, struct ml_mutator *mutator,
                                uintptr_t stack_pointer, uintptr_t end)
{
    uintptr_t low = mutator->stack_low, begin, high;
    if (is_first_thread(mutator) &&
        ml_os_mapping_around(mutator->stack_high - 1, &begin, &high))
        low = begin; /* it has grown since */
    mutator->stack_seen = low;
    ml_mark_range(marker, low, mutator->stack_high, true);
    ml_mark_range(marker, stack_pointer, end, true);
    return mutator->stack_high - low + (end - stack_pointer);
}

static uint64_t mark_stack(struct ml_marker *marker, struct ml_mutator *mutator,
                           uintptr_t stack_pointer)
{
    uintptr_t begin, end, high = mutator->stack_high;
    bool inside = stack_pointer >= mutator->stack_low && stack_pointer < high;
    if (!inside) {
        /* Without /proc: what is certain to be there. */
        if (!ml_os_mapping_around(stack_pointer, &begin, &end))
            begin = stack_pointer, end = ml_align_up(stack_pointer + 1, ml_os_page_bytes());
        /* The first thread's stack grows downwards. One mapping may also hold
         * another thread's stack and a signal stack right above it. */
        bool has_grown = is_first_thread(mutator) && stack_pointer < high && high > begin &&
                         high <= end;
        if (!has_grown)
            return mark_two_stacks(marker, mutator, stack_pointer, end);
    }
    mutator->stack_seen = stack_pointer;
    ml_mark_range(marker, stack_pointer, high, true);
    return high - stack_pointer;
}

static uint64_t mark_stacks(struct ml_marker *marker, uintptr_t own_stack_pointer)
{
    uint64_t bytes = 0;
    for (struct ml_mutator *mutator = ml_mutators; mutator != NULL; mutator = mutator->next)
        if (!mutator->gone)
            bytes += mark_stack(marker, mutator,
                                mutator == ml_mutator_self ? own_stack_pointer
                                                           : mutator->stack_pointer);
    return bytes;
}

static void each_thread(ml_os_tls_visitor *one, void *argument)
{
    bool with_stacks = ml_roots_scanned & ML_ROOT_STACKS;
    for (struct ml_mutator *mutator = ml_mutators; mutator != NULL; mutator = mutator->next) {
        uintptr_t high = mutator->stack_high;
        struct ml_os_tls_thread thread = { mutator->thread_pointer,
                                           with_stacks ? mutator->stack_seen : high, high };
        if (!mutator->gone)
            one(&thread, argument);
    }
}

static uint64_t mark_tls(struct ml_marker *marker)
{
    struct visit visit = { marker, 0 };
    ml_os_each_tls_block(each_thread, visit_range, &visit);
    return visit.bytes;
}

/* ---- all of them ---------------------------------------------------------------------- */

ML_NOINLINE struct ml_root_bytes ml_roots_mark(struct ml_marker *marker, unsigned kinds)
{
    kinds &= ml_roots_scanned;
    /* The caller's frame, and all there is to scan, lies above this one. */
    uintptr_t stack_pointer = (uintptr_t)__builtin_frame_address(0);
    struct visit segments = { marker, 0 }, held = { marker, 0 };
    struct ml_root_bytes bytes = { 0 };
    if (kinds & ML_ROOT_STACKS)
        bytes.stack = mark_stacks(marker, stack_pointer);
    if (kinds & ML_ROOT_SEGMENTS)
        ml_os_each_segment(visit_segment, &segments);
    if (kinds & ML_ROOT_TLS)
        bytes.data += mark_tls(marker);
    if (kinds & ML_ROOT_UNCOLLECTABLE)
        bytes.data += mark_uncollectable(marker, &bytes.uncollectable);
    if (kinds & ML_ROOT_THREADS)
        ml_interpose_each_root(visit_range, &held);
    if (kinds & ML_ROOT_FINALIZERS)
        ml_finalize_each_root(visit_range, &held);
    if (kinds & ML_ROOT_ADDED)
        bytes.added = mark_added(marker);
    bytes.data += segments.bytes + held.bytes;
    return bytes;
}
