/* SPDX-License-Identifier: MIT */
#include "gc/cycle.h"

#include <string.h>

#include "gc/dirty.h"
#include "gc/finalize.h"
#include "gc/helpers.h"
#include "gc/history.h"
#include "gc/limit.h"
#include "gc/pacer.h"
#include "gc/seenroots.h"
#include "gc/share.h"
#include "gc/stopworld.h"
#include "gc/stress.h"
#include "gc/sweep.h"
#include "gc/throttle.h"
#include "gc/verify.h"
#include "heap/threadgroup.h"
#include "os/clock.h"
#include "os/segments.h"

ML_NO_ROOT static struct ml_marker marker;
static bool under_way;    /* marks are being set */
static uint64_t last_looked_up; /* by the last mark */
static bool marks_remain; /* of a cycle that came to nothing */

struct ml_lock ml_cycle_gate;

uint64_t ml_cycle_looked_up(void)
{
    return __atomic_load_n(&marker.looked_up, __ATOMIC_RELAXED);
}

/* ---- both ways ------------------------------------------------------------------------ */

/* What waits in magazines counts as reached, but is not looked into, and as alive
 * it does not count: neither what was marked first and freed then. A slot that a
 * stopped thread is just pushing or has just popped is in its registers. Returns
 * the bytes that wait there. */
static uint64_t blacken_magazines(void)
{
    uint64_t sum = 0;
    for (struct ml_thread_group *group = ml_thread_group_first(); group != NULL; group = group->next)
        for (unsigned bin = 0; bin < ML_BINS; bin++) {
            if (ml_bin_kind(bin) == ML_UNCOLLECTABLE)
                continue; /* never swept */
            uint64_t bytes = ml_sizeclasses[ml_bin_class(bin)].bytes;
            for (uint64_t users = group->users[bin]; users != 0; users &= users - 1) {
                const struct ml_magazine *magazine =
                    &ml_thread_group_user(group, users)->magazines[bin];
                for (void **slot = magazine->bottom; slot < magazine->top; slot++, sum += bytes)
                    if (ml_mark_black((uintptr_t)*slot) == 0) {
                        marker.objects--;
                        marker.bytes -= bytes;
                    }
            }
        }
    return sum;
}

static void note(struct memlog_histogram *histogram, uint64_t ns)
{
    unsigned bucket = 0;
    while (bucket < MEMLOG_HISTOGRAM - 1 && ns > memlog_histogram_ns(bucket))
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum_ns += ns;
}

static bool stop(struct ml_cycle *cycle, uint64_t *begin)
{
    *begin = ml_os_monotonic_ns();
    cycle->done = ml_world_stop();
    if (!cycle->done)
        return false;
    uint64_t stand = ml_os_monotonic_ns() - *begin;
    cycle->stop = ml_max(cycle->stop, stand);
    note(&cycle->pauses.stops, stand);
    return true;
}

/* The threads that were let go may take this one's CPU before it has seen the
 * time: what counts is how long it worked at letting them go. */
static void start(struct ml_cycle *cycle, uint64_t begin)
{
    uint64_t now = ml_os_monotonic_ns(), cpu = ml_os_thread_cpu_ns();
    ml_world_start();
    uint64_t pause = now + (ml_os_thread_cpu_ns() - cpu) - begin;
    struct ml_pauses *pauses = &cycle->pauses;
    if (pauses->count++ == 0)
        pauses->first = pause;
    pauses->last = pause;
    pauses->longest = ml_max(pauses->longest, pause);
    pauses->sum += pause;
    note(&pauses->times, pause);
}

static void forget_marks(void)
{
    if (marks_remain)
        ml_dirty_forget_marks();
    marks_remain = false;
}

static void begin_mark(bool along)
{
    ml_marked_along = along;
    ml_mark_revisit = ML_REVISIT_WRITTEN;
    if (marker.stack.words == NULL)
        ml_markstack_init_fixed(&marker.stack);
    ml_marker_begin(&marker);
    ml_share_open();
    under_way = true;
}

/* All that is reachable is marked, and everybody stands. */
static void complete(struct ml_cycle *cycle, uint64_t cached_bytes)
{
    ml_share_close();
    under_way = false;
    /* What the sweep will free is not taken any more; nor is what waits in
     * magazines, or many threads would always be close to the goal. */
    uint64_t live = marker.bytes + cycle->roots.uncollectable;
    ml_heap_taken_set(live);
    ml_magazines_fit(cached_bytes, live);
    cycle->live_bytes = live;
    cycle->live_objects = marker.objects;
    cycle->looked_up = last_looked_up = marker.looked_up;
    ml_gc_publish_live(cycle->live_objects, live);
    ml_sweep_begin();
    ml_limit_marked();
    ml_pacer_marked(live, cycle->roots.stack + cycle->roots.data + cycle->roots.added);
    ml_stress_audit();
}

/* ---- stopped -------------------------------------------------------------------------- */

static ML_NOINLINE void mark_stopped(void *argument)
{
    struct ml_cycle *cycle = argument;
    uint64_t begin;
    if (!stop(cycle, &begin))
        return;
    uint64_t stopped = ml_os_monotonic_ns();
    ml_central_hold_empty();
    __builtin_unwind_init(); /* this thread's registers to its stack */
    begin_mark(false);
    uint64_t cached_bytes = blacken_magazines();
    cycle->roots = ml_roots_mark(&marker, ML_ROOT_ALL);
    ml_mark_finish(&marker);
    ml_finalize_marked(&marker);
    cycle->mark = ml_os_monotonic_ns() - stopped;
    complete(cycle, cached_bytes);
    ml_central_let_empty();
    start(cycle, begin);
}

void ml_cycle_stopped(struct ml_cycle *cycle)
{
    forget_marks();
    ml_os_with_loader_locked(mark_stopped, cycle);
    if (cycle->done)
        ml_markstack_clear(&marker.stack);
}

/* ---- along with the program -------------------------------------------------------------- */

/* Uncollectable objects are tracked like the rest, and no business of a stop. */
enum { ROOTS_BUT_STACKS = ML_ROOT_ALL & ~(ML_ROOT_UNCOLLECTABLE | ML_ROOT_STACKS) };

static struct ml_seen_roots seen; /* of the first stop */
static size_t stack_roots;        /* candidates below those on the mark stack */

static struct ml_root_bytes add(struct ml_root_bytes a, struct ml_root_bytes b)
{
    return (struct ml_root_bytes){ a.stack + b.stack, a.data + b.data, a.added + b.added,
                                   a.uncollectable + b.uncollectable };
}

static ML_NOINLINE void first_stop(void *argument)
{
    struct ml_cycle *cycle = argument;
    uint64_t begin;
    if (!stop(cycle, &begin))
        return;
    __builtin_unwind_init();
    begin_mark(true);
    marker.collects = true;
    (void)ml_roots_mark(&marker, ML_ROOT_STACKS);
    stack_roots = ml_markstack_depth(&marker.stack);
    (void)ml_roots_mark(&marker, ROOTS_BUT_STACKS);
    marker.collects = false;
    start(cycle, begin);
}

static ML_NOINLINE void mark_along(struct ml_cycle *cycle)
{
    const struct ml_mark_stack *stack = &marker.stack;
    /* With an overflow nobody knows what was followed. */
    ml_seen_keep(&seen, stack->words + stack->bottom + stack_roots,
                 marker.overflowed ? 0 : ml_markstack_depth(stack) - stack_roots);
    ml_marker_go_on(&marker, cycle->in_a_hurry);
    if (ml_roots_scanned & ML_ROOT_UNCOLLECTABLE)
        cycle->roots.uncollectable = ml_dirty_mark_uncollectable(&marker);
    ml_mark_settle(&marker);
    ml_seen_confirm(&seen);
    ml_throttle_marked();
}

static void skip_seen_roots(void)
{
    ml_seen_rewind(&seen);
    marker.seen = marker.overflowed ? NULL : &seen;
}

/* What the program has hung from its static data since the first stop: the last
 * would have all of it to mark. */
static ML_NOINLINE void look_at_segments(void *unused)
{
    (void)unused;
    skip_seen_roots();
    marker.collects = true;
    (void)ml_roots_mark(&marker, ML_ROOT_SEGMENTS);
    marker.collects = false;
    marker.seen = NULL;
}

enum { SLICE_PAGES = 2048 }; /* looked at in some milliseconds */

/* Pages are looked at again until so few are left that stops can do it, or it
 * does not get less: what is written while a round lasts. Returns how many the
 * last round has found. */
static ML_NOINLINE uint64_t clean(struct ml_cycle *cycle)
{
    enum { ROUNDS_MOST = 16, FEW = 768, IN_VAIN_MOST = 4 };
    uint64_t pages = UINT64_MAX;
    for (unsigned in_vain = 0; cycle->rounds < ROUNDS_MOST && pages >= FEW;) {
        uint64_t before = pages;
        cycle->rounds++;
        ml_marker_go_on(&marker, cycle->in_a_hurry);
        ml_lock(&ml_cycle_gate);
        ml_os_with_loader_locked(look_at_segments, NULL);
        ml_unlock(&ml_cycle_gate);
        pages = ml_dirty_rescan(&marker);
        ml_mark_settle(&marker);
        if (pages > before - before / 4 && ++in_vain == IN_VAIN_MOST)
            break;
    }
    return pages;
}

/* Arm the pages that were found. */
static ML_NOINLINE void rearm_standing(struct ml_cycle *cycle)
{
    uint64_t begin;
    ml_lock(&ml_cycle_gate);
    if (stop(cycle, &begin)) {
        ml_dirty_rearm_found(&marker);
        cycle->rearms++;
        start(cycle, begin);
    }
    ml_unlock(&ml_cycle_gate);
}

/* The last hundreds. To arm a page the kernel interrupts every CPU that runs the program, which
 * takes longer than to look at the page, and meanwhile others are written: so it stands for
 * that, a fraction of a millisecond, and runs while they are looked at. */
static ML_NOINLINE void clean_few(struct ml_cycle *cycle)
{
    enum { ROUNDS_MOST = 3, ENOUGH = 64 };
    for (int round = 0; round < ROUNDS_MOST && ml_dirty_find() >= ENOUGH; round++) {
        rearm_standing(cycle);
        if (!cycle->done)
            return;
        ml_marker_go_on(&marker, cycle->in_a_hurry);
        ml_mark_settle(&marker);
    }
}

/* Stop, and look at some of the written pages from *at on. Returns how many. */
static ML_NOINLINE uint64_t clean_slice(struct ml_cycle *cycle, uintptr_t *at)
{
    uint64_t begin, pages = 0;
    ml_lock(&ml_cycle_gate);
    if (stop(cycle, &begin)) {
        ml_share_call();
        ml_marker_go_on(&marker, true);
        pages = ml_dirty_rescan_some(&marker, at, SLICE_PAGES);
        ml_mark_share_out(&marker, ml_helpers_count());
        ml_mark_settle(&marker);
        cycle->slices++;
        start(cycle, begin);
    }
    ml_unlock(&ml_cycle_gate);
    return pages;
}

static void let_run(uint64_t ns)
{
    const uint32_t nobody_wakes = 0;
    ml_os_futex_wait(&nobody_wakes, 0, ml_os_monotonic_ns() + ns);
}

/* Where the program writes faster than a marker that runs beside it can look: it
 * stands for most of the time, but never long, until a pass through the heap has
 * found what one stop can do. */
static ML_NOINLINE void clean_in_slices(struct ml_cycle *cycle)
{
    enum { SLICES_MOST = 100, RUN_NS = 1000 * 1000 };
    uintptr_t at = 0;
    for (uint64_t pages = 0; cycle->slices < SLICES_MOST;) {
        pages += clean_slice(cycle, &at);
        if (!cycle->done || (at == 0 && pages < SLICE_PAGES))
            return;
        if (at == 0)
            pages = 0;
        let_run(RUN_NS);
    }
}

static ML_NOINLINE void last_stop(void *argument)
{
    struct ml_cycle *cycle = argument;
    uint64_t begin;
    if (!stop(cycle, &begin))
        return;
    uint64_t stood = ml_os_monotonic_ns();
    ml_share_call(); /* not before: their CPU is a thread's that is to stand first */
    bool verify = ml_unlikely(ml_verify_on) && ml_verify_prepare();
    __builtin_unwind_init();
    marker.revisit = ml_mark_revisit = ML_REVISIT_NEVER;
    ml_marker_go_on(&marker, true);
    uint64_t pages = marker.pages_again;
    ml_dirty_rescan_stopped(&marker);
    ml_mark_share_out(&marker, ml_helpers_count());
    uint64_t cached_bytes = blacken_magazines();
    cycle->roots.data = cycle->roots.uncollectable;
    cycle->roots = add(cycle->roots, ml_roots_mark(&marker, ML_ROOT_STACKS));
    skip_seen_roots();
    cycle->roots = add(cycle->roots, ml_roots_mark(&marker, ROOTS_BUT_STACKS));
    marker.seen = NULL;
    uint64_t had_roots = ml_os_monotonic_ns();
    ml_mark_finish(&marker);
    cycle->pages_written = marker.pages_again - pages;
    uint64_t had_pages = ml_os_monotonic_ns();
    if (verify) {
        ml_verify_begin(&marker);
        /* From here, so that this thread's stack is looked at from where it was. */
        (void)blacken_magazines();
        (void)ml_roots_mark(&marker, ML_ROOT_ALL);
        ml_mark_finish(&marker);
        ml_verify_end(&marker);
    }
    ml_finalize_marked(&marker);
    ml_throttle_end();
    complete(cycle, cached_bytes);
    start(cycle, begin);
    cycle->last.stand = stood - begin;
    cycle->last.roots = had_roots - stood;
    cycle->last.pages = had_pages - had_roots;
    cycle->last.finish = begin + cycle->pauses.last - had_pages;
}

/* A thread of the program that carries out a cycle leaves addresses of objects,
 * and the heap's own, on its stack, where the next stop would find them. For
 * the same reason the functions that are called meanwhile are not in line. */
static ML_NOINLINE void wipe_stack(void)
{
    enum { BELOW = 4096 }; /* more than marking takes */
    char left[BELOW];
    memset(left, 0, sizeof(left));
    __asm__ volatile("" : : "r"(left) : "memory");
}

void ml_cycle_along(struct ml_cycle *cycle)
{
    uint64_t begin = ml_os_monotonic_ns();
    cycle->ran_along = true;
    forget_marks();
    ml_unlock(&ml_cycle_gate);
    ml_revisit_clear();
    bool armed = ml_dirty_arm() == 0;
    wipe_stack();
    ml_lock(&ml_cycle_gate);
    if (!armed) {
        cycle->ran_along = false;
        ml_cycle_stopped(cycle);
        return;
    }
    ml_throttle_begin(last_looked_up);
    ml_renewed_begin();
    ml_os_with_loader_locked(first_stop, cycle);
    if (cycle->done) {
        ml_unlock(&ml_cycle_gate);
        mark_along(cycle);
        if (clean(cycle) >= SLICE_PAGES)
            clean_in_slices(cycle);
        if (cycle->done)
            clean_few(cycle);
        wipe_stack();
        ml_lock(&ml_cycle_gate);
        ml_os_with_loader_locked(last_stop, cycle);
        if (!cycle->done) {
            ml_share_close();
            under_way = false;
            marks_remain = true;
        }
        ml_markstack_clear(&marker.stack);
    }
    ml_throttle_end(); /* also of one that failed */
    cycle->mark = ml_os_monotonic_ns() - begin;
    ml_unlock(&ml_cycle_gate);
    ml_dirty_disarm();
    ml_lock(&ml_cycle_gate);
}

/* ---- fork ------------------------------------------------------------------------------------ */

void ml_cycle_after_fork_child(void)
{
    marks_remain |= under_way;
    under_way = false;
    marker.stack.bottom = marker.stack.top = 0; /* perhaps half a range */
    ml_throttle_after_fork_child();
    ml_dirty_after_fork_child();
}
