/* SPDX-License-Identifier: MIT */
#include "profile/nearlimit.h"

#include <stddef.h>

#include "base/bits.h"
#include "gc/asleep.h"
#include "gc/limit.h"
#include "heap/pagefigures.h"
#include "os/cgroup.h"
#include "os/clock.h"

/* ---- marks ----------------------------------------------------------------------------- */

static const unsigned percents[] = { 80, 95 };
enum { PERCENTS = sizeof(percents) / sizeof(percents[0]), SLACK = 10 };

static uint64_t share(uint64_t bytes, unsigned percent)
{
    return (uint64_t)((unsigned __int128)bytes * percent / 100);
}

/* The highest that so much has come to; 0: none. */
static unsigned mark_at(uint64_t used, uint64_t limit, unsigned slack)
{
    unsigned mark = 0;
    for (unsigned i = 0; i < PERCENTS; i++)
        if (used >= share(limit, percents[i] - slack))
            mark = percents[i];
    return mark;
}

unsigned ml_limit_marks_note(struct ml_limit_marks *marks, uint64_t used, uint64_t limit)
{
    unsigned before = marks->reached;
    if (limit == 0)
        return 0;
    unsigned at = mark_at(used, limit, 0), still = (unsigned)ml_min(before, mark_at(used, limit, SLACK));
    marks->reached = (unsigned)ml_max(at, still);
    return at > before ? at : 0;
}

uint64_t ml_limit_marks_left(uint64_t used, uint64_t limit)
{
    if (limit == 0)
        return UINT64_MAX;
    for (unsigned i = 0; i < PERCENTS; i++)
        if (used < share(limit, percents[i]))
            return share(limit, percents[i]) - used;
    return limit - ml_min(used, limit);
}

/* ---- when to look ------------------------------------------------------------------------ */

static int64_t given_limit = INT64_MAX;
static struct ml_limit_marks of_process, of_group;

static uint64_t backed_next;    /* look when the heap has come to that, */
static uint64_t sample_next_ns; /* and at a sample from then on */

static uint64_t get(const uint64_t *from) { return __atomic_load_n(from, __ATOMIC_RELAXED); }
static void set(uint64_t *to, uint64_t value) { __atomic_store_n(to, value, __ATOMIC_RELAXED); }

bool ml_nearlimit_is_due(bool sampled)
{
    return ml_pageheap_backed_bytes() >= get(&backed_next) ||
           (sampled && ml_os_monotonic_ns() >= get(&sample_next_ns));
}

/* took: of the thread's own time, since what others took while it waited for its turn is no cost of
 * looking. left: bytes to the next mark. */
static void look_again(uint64_t now, uint64_t took, uint64_t left)
{
    enum { SHARE = 20, LEAST_BYTES = 1 << 20 };
    const uint64_t WITH_LIMIT_NS = ML_NS_PER_SECOND / 4;
    const uint64_t WITHOUT_NS = 10 * (uint64_t)ML_NS_PER_SECOND;
    uint64_t backed = ml_pageheap_backed_bytes();
    uint64_t wait = left == UINT64_MAX ? WITHOUT_NS : WITH_LIMIT_NS;
    set(&backed_next, left == UINT64_MAX ? UINT64_MAX : backed + ml_max(left / 4, LEAST_BYTES));
    set(&sample_next_ns, now + ml_max(wait, took * SHARE));
}

void ml_nearlimit_put_off(void)
{
    look_again(ml_os_monotonic_ns(), 0, 0);
}

/* ---- looking ----------------------------------------------------------------------------- */

/* A collector that sleeps knows of no limit. 0: none. */
static uint64_t own_limit(void)
{
    int64_t limit = ml_gc_is_asleep() ? given_limit : ml_limit();
    return limit == INT64_MAX ? 0 : (uint64_t)limit;
}

static uint64_t lesser_limit(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

unsigned ml_nearlimit_look(void)
{
    uint64_t begin = ml_os_thread_cpu_ns();
    struct ml_os_cgroup_room group = ml_os_cgroup_room();
    uint64_t used = ml_pageheap_backed_bytes() + ml_limit_overhead_bytes();
    uint64_t limit = lesser_limit(own_limit(), group.limit);
    unsigned mark = ml_limit_marks_note(&of_process, used, limit);
    unsigned group_mark = ml_limit_marks_note(&of_group, group.held, group.limit);
    uint64_t left = ml_min(ml_limit_marks_left(used, limit),
                           ml_limit_marks_left(group.held, group.limit));
    look_again(ml_os_monotonic_ns(), ml_os_thread_cpu_ns() - begin, left);
    return (unsigned)ml_max(mark, group_mark);
}

void ml_nearlimit_prepare(int64_t memory_limit)
{
    given_limit = memory_limit;
}
