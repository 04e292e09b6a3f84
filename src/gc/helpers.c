/* SPDX-License-Identifier: MIT */
#include "gc/helpers.h"

#include "gc/mark.h"
#include "gc/share.h"
#include "heap/central.h"
#include "os/clock.h"
#include "os/pages.h"
#include "os/process.h"
#include "os/thread.h"

enum { HEAP_WORTH_IT = 8 << 20 }; /* bytes: marked in some milliseconds */

unsigned ml_helpers_forced;

ML_NO_ROOT static struct ml_marker markers[ML_HELPERS_MOST];
static struct ml_os_thread threads[ML_HELPERS_MOST];
static unsigned started;
static uint32_t preparing; /* somebody is starting them, or could not */

static void help(struct ml_marker *marker, uint32_t round)
{
    struct ml_share_sums done;
    bool has_done = false;
    uint64_t cpu_before = ml_os_thread_cpu_ns(), cpu_now = cpu_before;
    while (ml_share_take(round, has_done ? &done : NULL, cpu_now - cpu_before, &marker->stack)) {
        ml_marker_begin(marker);
        ml_mark_drain(marker);
        done = (struct ml_share_sums){ marker->objects, marker->bytes, marker->looked_up,
                                       marker->pages_again, marker->overflowed };
        has_done = true;
        cpu_before = cpu_now;
        cpu_now = ml_os_thread_cpu_ns();
    }
    ml_markstack_clear(&marker->stack);
}

static void work(void *argument)
{
    for (uint32_t round = 0;;) {
        round = ml_share_join(round);
        help(argument, round);
    }
}

/* Where addresses are limited they are wanted for the program's own stacks and
 * libraries; a stack that is too small costs time and nothing else. */
static size_t stack_bytes_most(void)
{
    size_t left = ml_os_address_space_left();
    return left == SIZE_MAX ? SIZE_MAX : left / 64;
}

static bool start(unsigned i)
{
    struct ml_marker *marker = &markers[i];
    if (marker->stack.words == NULL &&
        ml_markstack_init(&marker->stack, stack_bytes_most()) != 0)
        return false;
    marker->helps = true;
    return ml_os_thread_start(&threads[i], "memlog-mark", work, marker) == 0;
}

/* Inside: a thread that is stopped must not hold the lock of the pool. */
static bool have_room(void)
{
    ml_heap_enter(ml_thread_self);
    bool done = ml_share_init() == 0;
    ml_heap_leave(ml_thread_self);
    return done;
}

void ml_helpers_prepare(void)
{
    if (ml_likely(__atomic_load_n(&preparing, __ATOMIC_RELAXED) != 0) ||
        (ml_heap_taken_bytes() < HEAP_WORTH_IT && ml_helpers_forced == 0))
        return;
    /* They would be as slow for ever as the thread that starts them, and
     * everybody would wait for them: let another one do it. */
    if (!ml_os_is_scheduled_as_first())
        return;
    uint32_t expected = 0;
    if (!__atomic_compare_exchange_n(&preparing, &expected, 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    unsigned wanted = ml_helpers_forced != 0 ? ml_helpers_forced : ml_os_online_cpus() - 1;
    wanted = (unsigned)ml_min(wanted, ML_HELPERS_MOST);
    /* Before it runs: with several the word they mark in is shared. Where some
     * run already, more than one was wanted then, and they know. */
    wanted = (unsigned)ml_max(wanted, started);
    for (unsigned i = started; i < wanted; i++)
        markers[i].atomic = wanted > 1;
    if (wanted != 0 && have_room())
        while (started < wanted && start(started))
            __atomic_store_n(&started, started + 1, __ATOMIC_RELAXED);
    if (started < wanted) /* the next collection tries again */
        __atomic_store_n(&preparing, 0, __ATOMIC_RELEASE);
}

unsigned ml_helpers_count(void) { return __atomic_load_n(&started, __ATOMIC_RELAXED); }

void ml_helpers_after_fork_child(void)
{
    for (unsigned i = 0; i < ML_HELPERS_MOST; i++) /* one may just have been starting */
        ml_os_thread_forget(&threads[i]);
    started = preparing = 0;
    ml_share_after_fork_child();
}
