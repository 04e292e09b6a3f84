/* SPDX-License-Identifier: MIT */
#include "gc/throttle.h"

#include <stdbool.h>

#include "gc/cycle.h"
#include "gc/pacer.h"
#include "gc/share.h"
#include "heap/central.h"
#include "os/clock.h"
#include "os/thread.h"

/* Of the cycle under way; written by the thread that carries it out, relaxed. */
static uint32_t is_on;
static uint32_t is_asked;
static uint32_t is_marked;
static uint64_t taken_before, expected_in_all;
static uint64_t taken_when_asked;
static uint32_t ended; /* how many have; who waits sleeps on it */

static uint64_t get(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
static void set(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELAXED); }

/* How far taken bytes may rise now. A quarter of the room until the cycle has
 * begun, which on a busy machine takes a while; of the rest an eighth is free
 * for all. */
static uint64_t allowed(void)
{
    uint64_t goal = ml_pacer_goal_in_force(), before = get(&taken_before);
    if (!__atomic_load_n(&is_on, __ATOMIC_ACQUIRE)) {
        uint64_t asked_at = ml_min(get(&taken_when_asked), goal);
        return asked_at + (goal - asked_at) / 4;
    }
    if (__atomic_load_n(&is_marked, __ATOMIC_RELAXED) || goal <= before)
        return goal;
    uint64_t done = ml_min(ml_cycle_looked_up(), get(&expected_in_all));
    double progress = (double)done / (double)get(&expected_in_all);
    return before + (uint64_t)((double)(goal - before) * (0.125 + 0.875 * progress));
}

void ml_throttle_begin(uint64_t expected)
{
    set(&taken_before, ml_heap_taken_bytes());
    set(&expected_in_all, ml_max(expected, 1));
    __atomic_store_n(&is_marked, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&is_on, 1, __ATOMIC_RELEASE);
    ml_pacer_allow(allowed());
}

void ml_throttle_marked(void)
{
    __atomic_store_n(&is_marked, 1, __ATOMIC_RELAXED);
    ml_pacer_allow(ml_pacer_goal_in_force());
}

void ml_throttle_end(void)
{
    __atomic_store_n(&is_on, 0, __ATOMIC_SEQ_CST);
    ml_pacer_allow(0);
}

void ml_throttle_asked(void)
{
    if (__atomic_load_n(&is_asked, __ATOMIC_ACQUIRE) || __atomic_load_n(&is_on, __ATOMIC_ACQUIRE))
        return;
    set(&taken_when_asked, ml_heap_taken_bytes());
    __atomic_store_n(&is_asked, 1, __ATOMIC_RELEASE);
}

void ml_throttle_done(void)
{
    __atomic_store_n(&is_asked, 0, __ATOMIC_RELEASE);
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELEASE);
    ml_os_futex_wake(&ended, INT32_MAX);
}

/* A cycle is under way, or about to be. */
static bool is_waited_for(void)
{
    return __atomic_load_n(&is_on, __ATOMIC_ACQUIRE) || __atomic_load_n(&is_asked, __ATOMIC_ACQUIRE);
}

/* While there is a cycle. */
static void allow(uint64_t limit)
{
    if (!__atomic_load_n(&is_on, __ATOMIC_SEQ_CST))
        return;
    ml_pacer_allow(limit);
    if (!__atomic_load_n(&is_on, __ATOMIC_SEQ_CST)) /* it has just ended */
        ml_pacer_allow(0);
}

void ml_throttle_wait(uint64_t bytes)
{
    const uint64_t STEP_NS = 200 * 1000, MOST_NS = 10 * (uint64_t)ML_NS_PER_SECOND;
    uint32_t seen = __atomic_load_n(&ended, __ATOMIC_ACQUIRE);
    uint64_t begin = ml_os_monotonic_ns(), now = begin;
    bool to_the_end = false;
    while (is_waited_for() && __atomic_load_n(&ended, __ATOMIC_ACQUIRE) == seen &&
           now - begin < MOST_NS) {
        uint64_t limit = allowed(), wanted = ml_heap_taken_bytes() + bytes;
        allow(limit);
        /* Who has come to the goal wants what the cycle will have swept. */
        to_the_end |= wanted >= ml_pacer_goal_in_force();
        if (!to_the_end && wanted < limit)
            return;
        if (now == begin)
            ml_share_call();
        ml_os_futex_wait(&ended, seen, now + STEP_NS);
        now = ml_os_monotonic_ns();
    }
}

void ml_throttle_after_fork_child(void)
{
    ml_pacer_allow(0);
    is_on = is_asked = is_marked = 0;
}
