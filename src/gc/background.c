/* SPDX-License-Identifier: MIT */
#include "gc/background.h"

#include "gc/collect.h"
#include "gc/idle.h"
#include "gc/limit.h"
#include "gc/sweep.h"
#include "heap/pageheap.h"
#include "heap/release.h"
#include "heap/threadcache.h"
#include "os/clock.h"
#include "os/thread.h"

enum { IDLE_WORTH_IT = 4 << 20 }; /* bytes of idle memory that wake the thread */

static struct ml_os_thread thread;
static uint32_t started;       /* 0 no, 1 being started, 2 yes */
static uint64_t not_before_ns; /* monotonic: refused, a new attempt is worth it then */
static uint32_t nudges;  /* what the thread sleeps on */
static uint32_t asleep;
static uint64_t cycle_wanted; /* for so many bytes and one; 0: none is */

/* Or until the deadline; 0: none. */
static void wait_for_nudge(uint32_t seen, uint64_t deadline)
{
    __atomic_store_n(&asleep, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&nudges, __ATOMIC_SEQ_CST) == seen &&
           (deadline == 0 || ml_os_monotonic_ns() < deadline))
        ml_os_futex_wait(&nudges, seen, deadline);
    __atomic_store_n(&asleep, 0, __ATOMIC_SEQ_CST);
}

static void work(void *cache)
{
    ml_thread_attach_to(cache, true);
    uint64_t tick = ml_os_monotonic_ns();
    bool more = false;
    for (;;) {
        uint32_t seen = __atomic_load_n(&nudges, __ATOMIC_SEQ_CST);
        uint64_t wanted = __atomic_exchange_n(&cycle_wanted, 0, __ATOMIC_ACQ_REL);
        if (wanted != 0)
            ml_gc_collect_if_due(wanted - 1);
        while (ml_sweep_some() && !__atomic_load_n(&cycle_wanted, __ATOMIC_RELAXED)) {
        }
        if (__atomic_load_n(&cycle_wanted, __ATOMIC_RELAXED))
            continue;
        /* A nudge hurries the sweep, and not the clock of release ticks. */
        uint64_t now = ml_os_monotonic_ns();
        if (now >= tick) {
            ml_limit_refresh();
            /* Inside, so that no fork comes while runs are on their way back
             * to the OS. */
            ml_heap_enter(ml_thread_self);
            more = ml_release_tick();
            ml_heap_leave(ml_thread_self);
            tick = now + ML_RELEASE_TICK_MS * (uint64_t)ML_NS_PER_MS;
        }
        uint64_t idle = ml_idle_turn();
        if (more)
            ml_os_futex_wait(&nudges, seen, tick);
        else
            wait_for_nudge(seen, idle);
    }
}

static bool start_thread(void)
{
    /* Inside: nobody stops this thread while it holds the registry's lock. */
    ml_heap_enter(ml_thread_self);
    struct ml_thread *cache = ml_thread_reserve();
    ml_heap_leave(ml_thread_self);
    if (cache == NULL)
        return false;
    if (ml_os_thread_start(&thread, "memlog-back", work, cache) == 0)
        return true;
    ml_thread_unreserve(cache);
    return false;
}

/* No memory, or no more processes: that may pass. Until then allocation and
 * collection do the work themselves. */
static void start(void)
{
    const uint64_t TRY_AGAIN_NS = ML_NS_PER_SECOND;
    uint64_t now = ml_os_monotonic_ns();
    uint32_t expected = 0;
    if (now < __atomic_load_n(&not_before_ns, __ATOMIC_RELAXED) ||
        !__atomic_compare_exchange_n(&started, &expected, 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    bool done = start_thread();
    if (done)
        ml_limit_refresh(); /* its stack counts */
    else
        __atomic_store_n(&not_before_ns, now + TRY_AGAIN_NS, __ATOMIC_RELAXED);
    __atomic_store_n(&started, done ? 2 : 0, __ATOMIC_RELEASE);
}

void ml_background_nudge(void)
{
    if (ml_unlikely(__atomic_load_n(&started, __ATOMIC_RELAXED) == 0))
        start();
    __atomic_fetch_add(&nudges, 1, __ATOMIC_SEQ_CST);
    ml_os_futex_wake(&nudges, 1);
}

bool ml_background_ask_for_cycle(uint64_t bytes)
{
    if (__atomic_load_n(&started, __ATOMIC_ACQUIRE) != 2) {
        start();
        if (__atomic_load_n(&started, __ATOMIC_ACQUIRE) != 2)
            return false;
    }
    uint64_t before = __atomic_load_n(&cycle_wanted, __ATOMIC_RELAXED);
    while (before < bytes + 1)
        if (__atomic_compare_exchange_n(&cycle_wanted, &before, bytes + 1, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            break;
    if (before == 0)
        ml_background_nudge();
    return true;
}

void ml_background_notice(void)
{
    struct ml_pageheap_figures now;
    if (__atomic_load_n(&started, __ATOMIC_RELAXED) == 2 &&
        !__atomic_load_n(&asleep, __ATOMIC_RELAXED))
        return;
    ml_pageheap_read(&now);
    bool runs = __atomic_load_n(&started, __ATOMIC_RELAXED) == 2;
    if ((runs && ml_idle_wants_notice()) ||
        now.heap_bytes - now.inuse_bytes - now.released_bytes > now.inuse_bytes / 8 + IDLE_WORTH_IT)
        ml_background_nudge();
}

void ml_background_after_fork_child(void)
{
    if (started == 2)
        ml_os_thread_forget(&thread);
    started = asleep = cycle_wanted = 0;
    not_before_ns = 0;
}
