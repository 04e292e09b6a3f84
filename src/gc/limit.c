/* SPDX-License-Identifier: MIT */
#include "gc/limit.h"

#include "base/publish.h"
#include "gc/collect.h"
#include "gc/limiter.h"
#include "gc/pacer.h"
#include "gc/sweep.h"
#include "heap/central.h"
#include "heap/metadata.h"
#include "heap/pageheap.h"
#include "heap/release.h"
#include "os/clock.h"

enum {
    ROOM = 1 << 20, /* a magazine may want so much at once; and when there is no
                     * more, the next look is worth it after so much */
    RELEASE_LEAST = 256 << 10, /* free bytes that are worth the system calls */
    SPARE = 768 << 10, /* the limit counts as reached so much earlier: these, a stack,
                        * and some more that has come since stock was taken */
    MARKING = 1 << 20  /* what a cycle wants that runs while the heap grows on */
};

static uint64_t limit = INT64_MAX;
ML_PUBLISH("limit.bytes", limit);
/* What the limit leaves for the heap, and for the part of it in use before somebody
 * has to look; UINT64_MAX without a limit. */
static uint64_t heap_most = UINT64_MAX, inuse_most = UINT64_MAX;
static uint64_t footprint_seen; /* when the overhead was worked out */
static uint64_t loose_bytes; /* of spans, not handed out when the limit was reached */
static bool reached;         /* that was after the last mark */
static uint32_t busy;        /* one thread looks for room, the others go on */
static struct ml_lock lock;  /* the figures above are of the same limit */

static uint64_t get(const uint64_t *from) { return __atomic_load_n(from, __ATOMIC_RELAXED); }
static void set(uint64_t *to, uint64_t value) { __atomic_store_n(to, value, __ATOMIC_RELAXED); }

int64_t ml_limit(void) { return (int64_t)get(&limit); }

uint64_t ml_limit_overhead_bytes(void)
{
    uint64_t bytes = ml_os_thread_stack_bytes() + ml_spanmap_span_bytes() +
                     ml_spanmap_table_bytes() + ml_gc_stack_bytes();
    for (unsigned pool = 0; pool < ML_POOLS; pool++)
        bytes += ml_metadata_sys((enum ml_pool)pool);
    return bytes;
}

static uint64_t less(uint64_t a, uint64_t b) { return a - ml_min(a, b); }

/* Grows with what grows the overhead by much: the heap, which has its tables,
 * and threads of memlog's own. */
static uint64_t footprint(void) { return ml_heap_bytes() + ml_os_thread_stack_bytes(); }

/* In spans that hold objects; those that bins keep empty are as good as free. */
static uint64_t inuse_bytes(void)
{
    return less(ml_pageheap_inuse_bytes(), ml_central_empty_bytes());
}

/* ---- where memory stands ------------------------------------------------------------ */

static void take_stock_locked(void)
{
    uint64_t bytes = get(&limit), overhead = ml_limit_overhead_bytes();
    bool none = bytes == INT64_MAX;
    uint64_t most = none ? UINT64_MAX : less(bytes, overhead + SPARE);
    set(&footprint_seen, footprint());
    set(&heap_most, most);
    set(&inuse_most, none ? UINT64_MAX : less(most, ROOM));
    ml_release_set_limit(most);
    ml_pacer_set_memory(bytes, overhead + ml_pageheap_backed_bytes(),
                        overhead + less(MARKING, ml_gc_stack_bytes()) + get(&loose_bytes));
}

/* Inside the heap, or with the world stopped. */
static void take_stock(void)
{
    ml_lock(&lock);
    take_stock_locked();
    ml_unlock(&lock);
}

void ml_limit_refresh(void)
{
    if (get(&limit) == INT64_MAX)
        return;
    ml_heap_enter(ml_thread_self);
    take_stock();
    ml_heap_leave(ml_thread_self);
}

void ml_limit_marked(void)
{
    if (get(&limit) == INT64_MAX)
        return;
    if (!reached)
        set(&loose_bytes, get(&loose_bytes) / 4 * 3);
    reached = false;
    take_stock();
}

/* ---- around allocation -------------------------------------------------------------- */

static bool has_room(uint64_t bytes) { return inuse_bytes() + bytes <= get(&inuse_most); }

static void look_for_room(uint64_t bytes)
{
    ml_sweep_all();
    if (has_room(bytes))
        return;
    ml_heap_enter(ml_thread_self);
    set(&loose_bytes, less(inuse_bytes(), ml_heap_taken_bytes()));
    reached = true;
    take_stock();
    set(&inuse_most, ml_max(get(&inuse_most), inuse_bytes() + bytes + ROOM));
    ml_heap_leave(ml_thread_self);
}

void ml_limit_before(uint64_t bytes)
{
    uint32_t expected = 0;
    if (ml_likely(has_room(bytes)) ||
        !__atomic_compare_exchange_n(&busy, &expected, 1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return;
    look_for_room(bytes);
    __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
}

void ml_limit_collected(uint64_t bytes)
{
    if (!has_room(bytes))
        ml_sweep_all();
}

/* Inside the heap: a fork waits until pages that are on their way are there. */
void ml_limit_after(void)
{
    if (ml_likely(get(&heap_most) == UINT64_MAX) ||
        (ml_pageheap_backed_bytes() <= get(&heap_most) && footprint() == get(&footprint_seen)))
        return;
    ml_heap_enter(ml_thread_self);
    if (footprint() != get(&footprint_seen))
        take_stock();
    uint64_t most = get(&heap_most), backed = ml_pageheap_backed_bytes();
    if (backed > most && less(backed, inuse_bytes()) >= RELEASE_LEAST)
        ml_release_down_to(less(most, ml_min(most / 64, ROOM)));
    ml_heap_leave(ml_thread_self);
}

int64_t ml_limit_set(int64_t bytes)
{
    if (bytes < 0)
        return ml_limit();
    ml_heap_enter(ml_thread_self);
    int64_t old = (int64_t)__atomic_exchange_n(&limit, (uint64_t)bytes, __ATOMIC_RELAXED);
    take_stock();
    ml_heap_leave(ml_thread_self);
    ml_limit_after();
    return old;
}

/* ---- half of the time ----------------------------------------------------------------- */

static struct ml_limiter limiter; /* under the collector's lock */
static uint64_t last_held;
ML_PUBLISH("limit.last_held", last_held);

uint64_t ml_limit_last_held(void) { return get(&last_held); }

void ml_limit_cycle_took(uint64_t cycle, uint64_t ns)
{
    uint64_t now = ml_os_monotonic_ns();
    uint64_t wait = ml_limiter_note(&limiter, now, ns);
    ml_pacer_hold_limit(wait == 0 ? 0 : now + wait);
    if (wait != 0 && get(&limit) != INT64_MAX)
        set(&last_held, cycle);
}

/* Whoever looked is gone. */
void ml_limit_after_fork_child(void) { busy = 0; }
