/* SPDX-License-Identifier: MIT */
#include "gc/finalthread.h"

#include <stdbool.h>

#include "gc/finalize.h"
#include "gc/mutator.h"
#include "heap/threadcache.h"
#include "os/thread.h"

static struct ml_os_thread thread;
static uint32_t started; /* 0 no, 1 being started, 2 yes */
static uint32_t nudges;  /* what the thread sleeps on */
static __thread bool is_this_one;

/* What the thread has to have to be known to the collector, obtained while it
 * can still be put off. */
static struct ml_thread *cache;
static struct ml_mutator *mutator;

/* A frame of its own, so that no address of the object is left in that of the
 * loop, where the thread sleeps. */
static ML_NOINLINE bool run_next(void)
{
    struct ml_due due;
    if (!ml_finalize_take(&due))
        return false;
    due.finalizer(due.object, due.data);
    __asm__ volatile("" : : "m"(due)); /* alive up to here */
    due = (struct ml_due){ 0 };
    __asm__ volatile("" : : "m"(due));
    ml_finalize_done();
    return true;
}

static void work(void *unused)
{
    (void)unused;
    ml_mutator_use(mutator);
    ml_thread_attach_to(cache, false);
    is_this_one = true;
    for (;;) {
        uint32_t seen = __atomic_load_n(&nudges, __ATOMIC_SEQ_CST);
        while (run_next()) {
        }
        ml_os_clear_vector_registers();
        ml_os_futex_wait(&nudges, seen, 0);
    }
}

static bool start_thread(void)
{
    /* Inside: nobody stops this thread while it holds a lock of the heap's. */
    ml_heap_enter(ml_thread_self);
    cache = ml_thread_reserve();
    mutator = ml_mutator_reserve();
    bool ready = cache != NULL && mutator != NULL;
    ml_heap_leave(ml_thread_self);
    if (ready && ml_os_thread_start_for_program(&thread, "memlog-final", work, NULL) == 0)
        return true;
    ml_heap_enter(ml_thread_self);
    if (cache != NULL)
        ml_thread_unreserve(cache);
    if (mutator != NULL)
        ml_mutator_unreserve(mutator);
    ml_heap_leave(ml_thread_self);
    return false;
}

/* What is due stays in the queue when there is no thread to be had: the next
 * collection tries again. */
static void start(void)
{
    uint32_t expected = 0;
    if (__atomic_compare_exchange_n(&started, &expected, 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
        __atomic_store_n(&started, start_thread() ? 2 : 0, __ATOMIC_RELEASE);
}

void ml_finalthread_nudge(void)
{
    if (ml_likely(!ml_finalize_is_due()))
        return;
    if (ml_unlikely(__atomic_load_n(&started, __ATOMIC_RELAXED) == 0))
        start();
    __atomic_fetch_add(&nudges, 1, __ATOMIC_SEQ_CST);
    ml_os_futex_wake(&nudges, 1);
}

void ml_finalthread_after_fork_child(void)
{
    if (!is_this_one)
        started = 0;
    ml_finalize_after_fork_child(is_this_one);
}
