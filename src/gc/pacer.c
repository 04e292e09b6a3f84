/* SPDX-License-Identifier: MIT */
#include "gc/pacer.h"

#include "base/bits.h"
#include "heap/central.h"
#include "os/thread.h"

enum {
    HEAP_LEAST = 4 << 20,
    STEP_LEAST = 256 << 10 /* between live and goal, whatever the percentage: a
                            * cycle for every magazine would be no use */
};

static struct ml_lock lock; /* settings and the last mark's outcome */
static int percent_now = ML_GC_PERCENT_DEFAULT;
static uint64_t live, roots;
static uint64_t goal = HEAP_LEAST; /* as it is for the default */
static uint64_t alarm = HEAP_LEAST;
static unsigned runway;

static void update(void)
{
    uint64_t next = INT64_MAX;
    if (percent_now >= 0) {
        /* In 128 bits: a percentage may be large. */
        unsigned __int128 grown = (unsigned __int128)(live + roots) * (unsigned)percent_now / 100;
        uint64_t least = (uint64_t)HEAP_LEAST * (unsigned)percent_now / 100;
        grown = live + (grown > STEP_LEAST ? grown : STEP_LEAST);
        next = grown > INT64_MAX ? INT64_MAX : ml_max((uint64_t)grown, least);
    }
    __atomic_store_n(&goal, next, __ATOMIC_RELAXED);
    uint64_t room = next > live && next != INT64_MAX ? next - live : 0;
    ml_pacer_set_alarm(next - room / 100 * runway);
}

int ml_pacer_set_percent(int percent)
{
    /* Inside, so that the thread is not stopped with the lock held. */
    ml_heap_enter(ml_thread_self);
    ml_lock(&lock);
    int old = percent_now;
    __atomic_store_n(&percent_now, percent < 0 ? -1 : percent, __ATOMIC_RELAXED);
    update();
    ml_unlock(&lock);
    ml_heap_leave(ml_thread_self);
    return old;
}

int ml_pacer_percent(void) { return __atomic_load_n(&percent_now, __ATOMIC_RELAXED); }

void ml_pacer_marked(uint64_t live_bytes, uint64_t root_bytes)
{
    ml_lock(&lock);
    live = live_bytes;
    roots = root_bytes;
    update();
    ml_unlock(&lock);
}

void ml_pacer_postpone(void)
{
    ml_lock(&lock);
    uint64_t later = ml_heap_taken_bytes() + ml_heap_taken_bytes() / 4 + HEAP_LEAST;
    if (percent_now >= 0)
        __atomic_store_n(&goal, later, __ATOMIC_RELAXED);
    ml_pacer_set_alarm(ml_pacer_goal());
    ml_unlock(&lock);
}

uint64_t ml_pacer_goal(void) { return __atomic_load_n(&goal, __ATOMIC_RELAXED); }
bool ml_pacer_is_due_with(uint64_t bytes)
{
    return ml_heap_taken_bytes() + bytes >= __atomic_load_n(&alarm, __ATOMIC_RELAXED);
}
bool ml_pacer_is_due(void) { return ml_pacer_is_due_with(0); }

void ml_pacer_set_alarm(uint64_t bytes) { __atomic_store_n(&alarm, bytes, __ATOMIC_RELAXED); }

void ml_pacer_set_runway(unsigned percent)
{
    ml_lock(&lock);
    runway = percent;
    ml_unlock(&lock);
}

void ml_pacer_before_fork(void) { ml_lock(&lock); }
void ml_pacer_after_fork(void) { ml_unlock(&lock); }
