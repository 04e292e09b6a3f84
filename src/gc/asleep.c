/* SPDX-License-Identifier: MIT */
#include "gc/asleep.h"

#include <limits.h>
#include <pthread.h>

#include "base/publish.h"
#include "heap/central.h"
#include "heap/counters.h"
#include "heap/release.h"
#include "heap/threadcache.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"

uint32_t ml_gc_sleep = ML_GC_AWAKE;
ML_PUBLISH("asleep.sleep", ml_gc_sleep);

__attribute__((weak)) bool ml_asleep_at_start(void) { return false; }

/* ---- falling asleep, and waking ------------------------------------------------- */

static void (*when_woken)(void);
static uint32_t threads_started;
static struct ml_lock waking;

static pthread_key_t exit_key;
static bool exit_key_made;
static void thread_ends(void *round);

void ml_asleep_begin(void (*awake)(void))
{
    when_woken = awake;
    exit_key_made = pthread_key_create(&exit_key, thread_ends) == 0;
    __atomic_store_n(&ml_gc_sleep, awake != NULL ? ML_GC_ASLEEP : ML_GC_ASLEEP_FOR_EVER,
                     __ATOMIC_RELEASE);
}

void ml_asleep_note_thread(void) { __atomic_fetch_add(&threads_started, 1, __ATOMIC_RELAXED); }

bool ml_asleep_wake(void)
{
    if (__atomic_load_n(&ml_gc_sleep, __ATOMIC_ACQUIRE) == ML_GC_ASLEEP_FOR_EVER)
        return false;
    ml_lock(&waking);
    if (ml_gc_sleep == ML_GC_ASLEEP && __atomic_load_n(&threads_started, __ATOMIC_RELAXED) != 0) {
        __atomic_store_n(&ml_gc_sleep, ML_GC_ASLEEP_FOR_EVER, __ATOMIC_RELEASE);
        ml_os_complain("memlog_malloc was called for the first time when the program had threads "
                       "already: nothing is collected in it", NULL);
    } else if (ml_gc_sleep == ML_GC_ASLEEP) {
        when_woken();
        __atomic_store_n(&ml_gc_sleep, ML_GC_AWAKE, __ATOMIC_RELEASE);
    }
    bool is_awake = ml_gc_sleep == ML_GC_AWAKE;
    ml_unlock(&waking);
    return is_awake;
}

/* ---- threads -------------------------------------------------------------------- */

static __thread bool is_leaving; /* its cache has been given back */

static void give_cache_back(void)
{
    struct ml_thread *self = ml_thread_self;
    ml_heap_enter(self);
    ml_thread_flush_all(self);
    ml_heap_leave(self);
    ml_thread_self = &ml_thread_none;
    ml_thread_detach(self);
}

/* Destructors of others may still use the heap: wait for the last round. Those that
 * come behind this one in it, and what the C library frees at the very end,
 * have a cache for the length of a call. */
static void thread_ends(void *round)
{
    uintptr_t number = (uintptr_t)round;
    if (!ml_gc_is_asleep() || !ml_thread_attached())
        return;
    if (number < PTHREAD_DESTRUCTOR_ITERATIONS &&
        pthread_setspecific(exit_key, (void *)(number + 1)) == 0)
        return;
    is_leaving = true;
    give_cache_back();
}

void ml_asleep_thread_came(void)
{
    if (exit_key_made && !is_leaving)
        (void)pthread_setspecific(exit_key, (void *)1);
}

void ml_asleep_thread_leaves(void)
{
    if (ml_unlikely(is_leaving) && ml_thread_attached() && ml_thread_self->inside == 0)
        give_cache_back();
}

/* ---- idle memory ------------------------------------------------------------------ */

/* The clock is looked at now and then only: a slow path takes hardly longer. */
static bool is_time(void)
{
    enum { LOOK_EVERY = 16 };
    static uint32_t looks;
    static uint64_t due;
    uint32_t look = __atomic_load_n(&looks, __ATOMIC_RELAXED) + 1;
    __atomic_store_n(&looks, look, __ATOMIC_RELAXED); /* one may get lost */
    if (look % LOOK_EVERY != 0)
        return false;
    uint64_t now = ml_os_monotonic_ns();
    if (now < __atomic_load_n(&due, __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&due, now + ML_RELEASE_TICK_MS * (uint64_t)ML_NS_PER_MS, __ATOMIC_RELAXED);
    return true;
}

/* What a mark would have found out. */
static void fit_magazines(void)
{
    struct ml_counts counts;
    ml_counters_read(&counts);
    uint64_t live = ml_counts_small_bytes(&counts) + counts.pages.large_malloc_bytes -
                    counts.pages.large_free_bytes;
    uint64_t taken = ml_heap_taken_bytes();
    ml_magazines_fit(taken - ml_min(taken, live), live);
}

void ml_asleep_notice(void)
{
    static struct ml_lock releasing;
    struct ml_thread *self = ml_thread_self;
    if (ml_likely(!is_time()) || !ml_thread_attached())
        return;
    ml_heap_enter(self); /* first: no fork comes while the lock is held */
    if (ml_trylock(&releasing)) {
        fit_magazines();
        (void)ml_release_tick();
        ml_unlock(&releasing);
    }
    ml_heap_leave(self);
}
