/* SPDX-License-Identifier: MIT */
/* gc_along.h - for tests of collections that mark while the program runs: what
 * a test does is done at a point of the cycle that it names.
 *
 *     ARMING     pages are about to be armed
 *     MARKING    the first stop is over, nothing is marked
 *     CLEANING   all is marked; before pages are looked through for written ones,
 *                and before those are armed again, in the round that along_round says
 *     STOPPING   the last round is over, the last stop comes
 *     STOPPED    everybody stands, nothing has been looked at: nothing but a look
 *                is possible
 *
 * The calls into the floor below, where those points are, are wrapped by the
 * linker. What is done there is done by the thread that marks: outside the
 * heap, with all locks free, the world not stopped.
 *
 * Every mark is checked against a stopped one (ml_verify_on), which ends the
 * program where the two differ. A test program is skipped before its main where
 * writes can't be tracked.
 */
#ifndef MEMLOG_TESTS_GC_ALONG_H
#define MEMLOG_TESTS_GC_ALONG_H

#include <stdio.h>
#include <unistd.h>

#include "gc/collect.h"
#include "gc/dirty.h"
#include "gc/seenroots.h"
#include "gc/throttle.h"
#include "gc/verify.h"
#include "gc_objects.h"
#include "memlog_stats.h"
#include "os/written.h"

enum along_point { ARMING, MARKING, CLEANING, STOPPING, ALONG_POINTS, STOPPED = ALONG_POINTS };

/* What is done there; NULL: nothing. */
static void (*along_do[ALONG_POINTS + 1])(void);
static unsigned along_count[ALONG_POINTS + 1]; /* how often it came to that */
static unsigned along_round;
static bool along_cleans;

static inline void along_at(enum along_point point)
{
    along_count[point]++;
    if (along_do[point] != NULL)
        along_do[point]();
}

int __real_ml_dirty_arm(void);
int __wrap_ml_dirty_arm(void);
void __real_ml_seen_keep(struct ml_seen_roots *seen, const uintptr_t *words, size_t count);
void __wrap_ml_seen_keep(struct ml_seen_roots *seen, const uintptr_t *words, size_t count);
uint64_t __real_ml_dirty_rescan(struct ml_marker *marker);
uint64_t __wrap_ml_dirty_rescan(struct ml_marker *marker);
void __real_ml_dirty_rescan_stopped(struct ml_marker *marker);
void __wrap_ml_dirty_rescan_stopped(struct ml_marker *marker);
long __real_ml_os_written_scan(const struct ml_os_written *written, uintptr_t begin, uintptr_t end,
                               enum ml_os_written_scan how,
                               void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                               void *argument);
long __wrap_ml_os_written_scan(const struct ml_os_written *written, uintptr_t begin, uintptr_t end,
                               enum ml_os_written_scan how,
                               void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                               void *argument);

int __wrap_ml_dirty_arm(void)
{
    along_at(ARMING);
    return __real_ml_dirty_arm();
}

void __wrap_ml_seen_keep(struct ml_seen_roots *seen, const uintptr_t *words, size_t count)
{
    __real_ml_seen_keep(seen, words, count);
    along_round = 0;
    along_at(MARKING);
}

uint64_t __wrap_ml_dirty_rescan(struct ml_marker *marker)
{
    along_round++;
    along_cleans = true;
    uint64_t pages = __real_ml_dirty_rescan(marker);
    along_cleans = false;
    along_at(STOPPING);
    return pages;
}

void __wrap_ml_dirty_rescan_stopped(struct ml_marker *marker)
{
    along_at(STOPPED);
    __real_ml_dirty_rescan_stopped(marker);
}

long __wrap_ml_os_written_scan(const struct ml_os_written *written, uintptr_t begin, uintptr_t end,
                               enum ml_os_written_scan how,
                               void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                               void *argument)
{
    if (along_cleans)
        along_at(CLEANING);
    return __real_ml_os_written_scan(written, begin, end, how, visit, argument);
}

static inline uint64_t cycles_along(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_read_extra(&extra);
    return extra.gc_along;
}

/* One cycle, which runs along however small the heap is; what is dead goes. */
static __attribute__((noinline, unused)) void collect_along(void)
{
    uint64_t before = cycles_along();
    clear_stack();
    ml_gc_collect(ML_GC_STRESS);
    ck_assert_uint_gt(cycles_along(), before);
}

__attribute__((constructor)) static void begin_along(void)
{
    int error;
    if (!ml_dirty_is_available()) {
        const char *why = ml_dirty_why_not(&error);
        printf("skipped: writes can't be tracked: %s: %s\n", why, strerror(error));
        exit(77);
    }
    ml_verify_on = true;
    memlog_set_gc_percent(-1); /* cycles come when the test says so */
}

#endif
