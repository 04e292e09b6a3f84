/* SPDX-License-Identifier: MIT */
#include "gc/collect.h"

#include <string.h>

#include "gc/background.h"
#include "gc/helpers.h"
#include "gc/interpose.h"
#include "gc/mark.h"
#include "gc/mutator.h"
#include "gc/pacer.h"
#include "gc/roots.h"
#include "gc/share.h"
#include "gc/stopworld.h"
#include "gc/stress.h"
#include "gc/sweep.h"
#include "heap/alloc.h"
#include "heap/central.h"
#include "heap/large.h"
#include "heap/threadgroup.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/segments.h"

static struct ml_lock collector_lock;
ML_NO_ROOT static struct ml_marker marker;
static uint64_t begun_ns;

uint64_t ml_gc_stack_bytes(void) { return ml_markstack_bytes(); }

/* ---- history --------------------------------------------------------------------- */

static struct ml_gc_history history; /* written under the collector's lock */
static uint32_t sequence;            /* odd while it changes */

/* Words as relaxed atomics, since a reader may look meanwhile. */
static void copy_words(uint64_t *to, const uint64_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
        __atomic_store_n(&to[i], __atomic_load_n(&from[i], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

static void publish(const struct ml_gc_history *next)
{
    __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    copy_words((uint64_t *)&history, (const uint64_t *)next, sizeof(history));
    __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELEASE);
}

void ml_gc_history_read(struct ml_gc_history *copy)
{
    uint32_t before;
    do {
        while ((before = __atomic_load_n(&sequence, __ATOMIC_ACQUIRE)) & 1)
            __builtin_ia32_pause();
        copy_words((uint64_t *)copy, (const uint64_t *)&history, sizeof(*copy));
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&sequence, __ATOMIC_RELAXED) != before);
    /* What the sweep has found to be counted twice. */
    struct ml_marked_twice twice = ml_heap_marked_twice();
    copy->live_objects -= ml_min(copy->live_objects, twice.objects - copy->twice.objects);
    copy->live_bytes -= ml_min(copy->live_bytes, twice.bytes - copy->twice.bytes);
}

/* ---- the stopped part --------------------------------------------------------------- */

struct cycle {
    bool done;
    uint64_t stop_begin, stopped, marked, released; /* monotonic */
    struct ml_root_bytes roots;
    struct ml_marked_twice twice; /* in the cycles before */
    uint64_t cached_bytes;
};

/* What waits in magazines counts as reached, but is not looked into. A slot
 * that a stopped thread is just pushing or has just popped is in its registers. */
static uint64_t blacken_magazines(void)
{
    uint64_t bytes = 0;
    for (struct ml_thread_group *group = ml_thread_group_first(); group != NULL; group = group->next)
        for (unsigned bin = 0; bin < ML_BINS; bin++) {
            if (ml_bin_kind(bin) == ML_UNCOLLECTABLE)
                continue; /* never swept */
            for (uint64_t users = group->users[bin]; users != 0; users &= users - 1) {
                const struct ml_magazine *magazine =
                    &ml_thread_group_user(group, users)->magazines[bin];
                for (void **slot = magazine->bottom; slot < magazine->top; slot++)
                    bytes += ml_mark_black((uintptr_t)*slot);
            }
        }
    return bytes;
}

/* Magazines together should hold no more than a quarter of what is live. */
static void resize_magazines(uint64_t cached, uint64_t live)
{
    enum { SMALL_CHANGE = 1 << 20 };
    uint32_t bytes = ml_magazine_bytes;
    if (cached > live / 4 + SMALL_CHANGE && bytes > ML_MAGAZINE_BYTES_LEAST)
        bytes /= 2;
    else if (cached < live / 16 && bytes < ML_MAGAZINE_BYTES_MOST)
        bytes *= 2;
    __atomic_store_n(&ml_magazine_bytes, bytes, __ATOMIC_RELAXED);
}

static ML_NOINLINE void run_stopped(void *argument)
{
    struct cycle *cycle = argument;
    cycle->stop_begin = ml_os_monotonic_ns();
    if (!ml_world_stop())
        return;
    cycle->stopped = ml_os_monotonic_ns();
    __builtin_unwind_init(); /* this thread's registers to its stack */
    if (marker.stack.words == NULL)
        ml_markstack_init_fixed(&marker.stack);
    ml_marker_begin(&marker);
    ml_share_open();
    cycle->cached_bytes = blacken_magazines();
    cycle->roots = ml_roots_mark(&marker);
    ml_share_close();
    cycle->marked = ml_os_monotonic_ns();
    /* What the sweep will free is not taken any more; nor is what waits in
     * magazines, or many threads would always be close to the goal. */
    uint64_t live = marker.bytes + ml_roots_uncollectable_bytes();
    ml_heap_taken_set(live);
    resize_magazines(cycle->cached_bytes, live);
    cycle->twice = ml_heap_marked_twice();
    ml_sweep_begin();
    ml_pacer_marked(live, cycle->roots.stack + cycle->roots.data + cycle->roots.added);
    ml_stress_audit();
    ml_world_start();
    cycle->released = ml_os_monotonic_ns();
    cycle->done = true;
}

/* ---- the cycle ---------------------------------------------------------------------- */

static void book(const struct cycle *cycle, enum ml_gc_reason reason, uint64_t cpu_ns)
{
    static struct ml_gc_history next; /* big for a small stack; under the lock */
    next = history;
    unsigned at = (unsigned)(next.cycles % MEMLOG_PAUSES);
    next.pause_ns[at] = cycle->released - cycle->stop_begin;
    next.pause_end[at] = ml_os_realtime_ns();
    next.pause_total_ns += next.pause_ns[at];
    next.last_end = next.pause_end[at];
    next.cycles++;
    next.forced += reason == ML_GC_FORCED;
    next.cpu_ns += cpu_ns;
    uint64_t available = (ml_os_monotonic_ns() - begun_ns) * ml_os_online_cpus();
    next.cpu_fraction = available == 0 ? 0 : (double)next.cpu_ns / (double)available;
    next.live_bytes = marker.bytes + ml_roots_uncollectable_bytes();
    next.live_objects = marker.objects;
    next.twice = cycle->twice;
    next.root_stack_bytes = cycle->roots.stack;
    next.root_data_bytes = cycle->roots.data;
    next.root_added_bytes = cycle->roots.added;
    next.last_stop_ns = cycle->stopped - cycle->stop_begin;
    next.last_mark_ns = cycle->marked - cycle->stopped;
    next.looked_up += marker.looked_up;
    publish(&next);
}

static void complain_once(void)
{
    static bool complained;
    if (!complained)
        ml_os_complain("a thread does not answer the collector's signal, so nothing is "
                       "collected; has it blocked all signals by a system call?", NULL);
    complained = true;
}

static void run_cycle(enum ml_gc_reason reason)
{
    struct cycle cycle = { 0 };
    uint64_t cpu_begin = ml_os_thread_cpu_ns() + ml_share_cpu_ns();
    ml_sweep_all();
    ml_os_with_loader_locked(run_stopped, &cycle);
    if (!cycle.done) {
        complain_once();
        ml_pacer_postpone();
        return;
    }
    ml_markstack_clear(&marker.stack);
    if (reason == ML_GC_PACED)
        ml_sweep_large();
    else
        ml_sweep_all();
    book(&cycle, reason, ml_os_thread_cpu_ns() + ml_share_cpu_ns() - cpu_begin);
}

void ml_gc_collect(enum ml_gc_reason reason)
{
    uint64_t cycles = __atomic_load_n(&history.cycles, __ATOMIC_RELAXED);
    ml_helpers_prepare();
    ml_lock(&collector_lock);
    bool another_did = reason == ML_GC_PACED && history.cycles != cycles && !ml_pacer_is_due();
    if (!another_did)
        run_cycle(reason);
    ml_unlock(&collector_lock);
    ml_background_nudge();
}

void ml_gc_init(void) { begun_ns = ml_os_monotonic_ns(); }

/* ---- fork ----------------------------------------------------------------------------- */

void ml_gc_before_fork(void)
{
    ml_lock(&collector_lock);
    ml_threads_close(); /* before the locks that are taken inside */
    ml_lock(&ml_mutators_lock);
    ml_interpose_before_fork();
    ml_roots_before_fork();
    ml_pacer_before_fork();
}

void ml_gc_after_fork_parent(void)
{
    ml_pacer_after_fork();
    ml_roots_after_fork();
    ml_interpose_after_fork();
    ml_unlock(&ml_mutators_lock);
    ml_threads_open();
    ml_unlock(&collector_lock);
}

void ml_gc_after_fork_child(void)
{
    ml_pacer_after_fork();
    ml_roots_after_fork();
    ml_interpose_after_fork_child();
    ml_mutators_after_fork_child();
    ml_unlock(&ml_mutators_lock);
    ml_threads_open();
    ml_background_after_fork_child();
    ml_helpers_after_fork_child();
    ml_unlock(&collector_lock);
}
