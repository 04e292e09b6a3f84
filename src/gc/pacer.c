/* SPDX-License-Identifier: MIT */
#include "gc/pacer.h"

#include "base/bits.h"
#include "base/publish.h"
#include "heap/central.h"
#include "os/clock.h"
#include "os/thread.h"

enum {
    HEAP_LEAST = 4 << 20,
    STEP_LEAST = 256 << 10, /* between live and goal, whatever the percentage: a
                             * cycle for every magazine would be no use */
    HEADROOM_PERCENT = 3,
    HEADROOM_LEAST = 1 << 20
};

/* ---- the two formulas ------------------------------------------------------------ */

uint64_t ml_pace_by_percent(const struct ml_pace *pace)
{
    if (pace->percent < 0)
        return INT64_MAX;
    /* In 128 bits: a percentage may be large. */
    unsigned __int128 grown =
        (unsigned __int128)(pace->live + pace->roots) * (unsigned)pace->percent / 100;
    uint64_t least = (uint64_t)HEAP_LEAST * (unsigned)pace->percent / 100;
    grown = pace->live + (grown > STEP_LEAST ? grown : STEP_LEAST);
    return grown > INT64_MAX ? INT64_MAX : ml_max((uint64_t)grown, least);
}

/* What is over the limit already is taken off once more, so that there is less
 * of it after the next cycle. */
uint64_t ml_pace_by_limit(const struct ml_pace *pace)
{
    if (pace->limit == INT64_MAX)
        return INT64_MAX;
    uint64_t over = pace->mapped - ml_min(pace->mapped, pace->limit);
    uint64_t goal = pace->limit - ml_min(pace->limit, pace->other + over);
    goal -= ml_min(goal, ml_max(goal / 100 * HEADROOM_PERCENT, HEADROOM_LEAST));
    return ml_max(goal, pace->live + STEP_LEAST);
}

/* ---- what they are at the moment ---------------------------------------------------- */

static struct ml_lock lock; /* settings and the last mark's outcome */
static struct ml_pace pace = { .percent = ML_GC_PERCENT_DEFAULT, .limit = INT64_MAX };
static uint64_t percent_goal = HEAP_LEAST; /* as it is for the default */
static uint64_t limit_goal = INT64_MAX;
static uint64_t limit_held_until;
static uint64_t percent_trigger = HEAP_LEAST, limit_trigger = INT64_MAX;
static uint64_t allowance; /* 0: no cycle is under way */
static unsigned runway;
ML_PUBLISH("pacer.pace", pace);
ML_PUBLISH_STRUCT(ml_pace);
ML_PUBLISH_MEMBER(ml_pace, percent);
ML_PUBLISH("pacer.percent_goal", percent_goal);
ML_PUBLISH("pacer.limit_goal", limit_goal);

static void set(uint64_t *to, uint64_t value) { __atomic_store_n(to, value, __ATOMIC_RELAXED); }
static uint64_t get(const uint64_t *from) { return __atomic_load_n(from, __ATOMIC_RELAXED); }

/* Where the cycle has to begin that is to have ended at the goal. */
static uint64_t trigger(uint64_t goal)
{
    uint64_t room = goal == INT64_MAX ? 0 : goal - ml_min(goal, pace.live);
    return goal - room / 100 * runway;
}

static void set_percent_goal(uint64_t goal)
{
    set(&percent_goal, goal);
    set(&percent_trigger, trigger(goal));
}

static void set_limit_goal(uint64_t goal)
{
    set(&limit_goal, goal);
    set(&limit_trigger, trigger(goal));
}

static void update(void)
{
    set_percent_goal(ml_pace_by_percent(&pace));
    set_limit_goal(ml_pace_by_limit(&pace));
}

int ml_pacer_set_percent(int percent)
{
    /* Inside, so that the thread is not stopped with the lock held. */
    ml_heap_enter(ml_thread_self);
    ml_lock(&lock);
    int old = pace.percent;
    __atomic_store_n(&pace.percent, percent < 0 ? -1 : percent, __ATOMIC_RELAXED);
    update();
    ml_unlock(&lock);
    ml_heap_leave(ml_thread_self);
    return old;
}

int ml_pacer_percent(void) { return __atomic_load_n(&pace.percent, __ATOMIC_RELAXED); }

void ml_pacer_set_memory(uint64_t limit, uint64_t mapped, uint64_t other)
{
    ml_lock(&lock);
    pace.limit = limit;
    pace.mapped = mapped;
    pace.other = other;
    set_limit_goal(ml_pace_by_limit(&pace));
    ml_unlock(&lock);
}

void ml_pacer_hold_limit(uint64_t until_ns) { set(&limit_held_until, until_ns); }

void ml_pacer_marked(uint64_t live_bytes, uint64_t root_bytes)
{
    ml_lock(&lock);
    pace.live = live_bytes;
    pace.roots = root_bytes;
    update();
    ml_unlock(&lock);
}

void ml_pacer_postpone(void)
{
    ml_lock(&lock);
    uint64_t later = ml_heap_taken_bytes() + ml_heap_taken_bytes() / 4 + HEAP_LEAST;
    if (percent_goal != INT64_MAX)
        set_percent_goal(later);
    if (limit_goal != INT64_MAX)
        set_limit_goal(later);
    ml_unlock(&lock);
}

uint64_t ml_pacer_limit_goal(void) { return get(&limit_goal); }
uint64_t ml_pacer_goal(void) { return ml_min(get(&percent_goal), get(&limit_goal)); }

static bool limit_is_heeded(void)
{
    uint64_t until = get(&limit_held_until);
    return until == 0 || ml_os_monotonic_ns() >= until;
}

uint64_t ml_pacer_goal_in_force(void)
{
    return limit_is_heeded() ? ml_pacer_goal() : get(&percent_goal);
}

bool ml_pacer_is_due_for(uint64_t bytes)
{
    uint64_t taken = ml_heap_taken_bytes() + bytes, allowed = get(&allowance);
    if (allowed != 0)
        return taken >= allowed;
    return taken >= get(&percent_trigger) || (taken >= get(&limit_trigger) && limit_is_heeded());
}

void ml_pacer_allow(uint64_t bytes) { set(&allowance, bytes); }

void ml_pacer_set_runway(unsigned percent)
{
    ml_lock(&lock);
    runway = percent;
    ml_unlock(&lock);
}

bool ml_pacer_is_due(void) { return ml_pacer_is_due_for(0); }

void ml_pacer_before_fork(void) { ml_lock(&lock); }
void ml_pacer_after_fork(void) { ml_unlock(&lock); }
