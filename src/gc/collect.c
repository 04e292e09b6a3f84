/* SPDX-License-Identifier: MIT */
#include "gc/collect.h"

#include "gc/alloc.h"
#include "gc/asleep.h"
#include "gc/background.h"
#include "gc/cycle.h"
#include "gc/dirty.h"
#include "gc/finalize.h"
#include "gc/finalthread.h"
#include "gc/helpers.h"
#include "gc/idle.h"
#include "gc/interpose.h"
#include "gc/limit.h"
#include "gc/markstack.h"
#include "gc/mutator.h"
#include "gc/pacer.h"
#include "gc/roots.h"
#include "gc/share.h"
#include "gc/stopworld.h"
#include "gc/sweep.h"
#include "gc/throttle.h"
#include "gc/trace.h"
#include "heap/central.h"
#include "os/clock.h"
#include "os/loader.h"
#include "os/process.h"

static struct ml_lock collector_lock;

bool ml_gc_stops;

/* A handler of the program's that forks, or allocates, would wait for what its own
 * thread holds; and a child would carry on half a cycle. */
static uint64_t keep_handlers_out(void)
{
    int stop = ml_stopworld_signal(); /* a thread that waits for its turn can be stopped */
    return ml_os_block_signals_but(stop == 0 ? 0 : (uint64_t)1 << (stop - 1));
}

bool ml_gc_can_run_along(void)
{
    if (ml_gc_stops || ml_gc_is_asleep() || ml_gc_attach() != 0)
        return false;
    uint64_t blocked = keep_handlers_out();
    ml_lock(&ml_cycle_gate);
    bool can = ml_dirty_is_available();
    ml_unlock(&ml_cycle_gate);
    ml_os_restore_signals(blocked);
    return can;
}

uint64_t ml_gc_stack_bytes(void) { return ml_markstack_bytes(); }

/* ---- the cycle ---------------------------------------------------------------------- */

static void book(const struct ml_cycle *cycle, const struct ml_gc_circumstances *circumstances)
{
    const struct ml_gc_record *record = ml_gc_book(cycle, circumstances);
    ml_limit_cycle_took(record->number,
                        ml_max(record->stopped_ns, record->cpu_ns / ml_os_online_cpus()));
    ml_trace_cycle(record);
}

static void complain_once(void)
{
    static bool complained;
    if (!complained)
        ml_os_complain("a thread does not answer the collector's signal, so nothing is "
                       "collected; has it blocked all signals by a system call?", NULL);
    complained = true;
}

/* Memory is wanted now, or the last mark was over sooner than two stops are:
 * then it is done in one. */
static bool stops(enum ml_gc_reason reason)
{
    enum { FEW_CANDIDATES = 1 << 15, SMALL_HEAP = 4 << 20 };
    static uint64_t looked_up_before;
    uint64_t now = ml_gc_looked_up(), last = now - looked_up_before;
    looked_up_before = now;
    if (ml_gc_stops || reason == ML_GC_NO_MEMORY)
        return true;
    if (last < FEW_CANDIDATES && ml_heap_taken_bytes() < SMALL_HEAP && reason != ML_GC_STRESS)
        return true;
    if (ml_dirty_is_available())
        return false;
    ml_trace_why_stopped();
    return true;
}

enum { RUNWAY = 25 }; /* percent of the room, for allocation while a cycle runs */

static void complain_about_loader_once(void)
{
    static bool complained;
    if (!complained)
        ml_os_complain("this process was forked while a library was being unloaded: nothing is "
                       "collected in it", NULL);
    complained = true;
}

static void run_cycle(enum ml_gc_reason reason)
{
    struct ml_cycle cycle = { .in_a_hurry = reason == ML_GC_FORCED };
    uint64_t cpu_begin = ml_os_thread_cpu_ns() + ml_share_cpu_ns();
    struct ml_gc_circumstances circumstances = { .reason = reason,
                                                 .began_ns = ml_os_monotonic_ns(),
                                                 .taken_bytes = ml_heap_taken_bytes() };
    if (!ml_os_loader_is_usable()) {
        complain_about_loader_once();
        ml_pacer_postpone();
        return;
    }
    ml_sweep_all();
    bool along = !stops(reason);
    ml_pacer_set_runway(along ? RUNWAY : 0);
    ml_idle_cycle_begins();
    if (along)
        ml_cycle_along(&cycle);
    else
        ml_cycle_stopped(&cycle);
    if (!cycle.done) {
        complain_once();
        ml_pacer_postpone();
        return;
    }
    if (reason == ML_GC_PACED)
        ml_sweep_large();
    else
        ml_sweep_all();
    ml_finalize_shrink();
    circumstances.cpu_ns = ml_os_thread_cpu_ns() + ml_share_cpu_ns() - cpu_begin;
    book(&cycle, &circumstances);
}

/* bytes: only if one is due for so many more, and another thread's has not come
 * meanwhile. UINT64_MAX: in any case. */
static void collect(enum ml_gc_reason reason, uint64_t bytes)
{
    if (ml_gc_is_asleep())
        return;
    uint64_t blocked = keep_handlers_out();
    ml_helpers_prepare();
    ml_lock(&collector_lock);
    ml_lock(&ml_cycle_gate);
    if (bytes == UINT64_MAX || ml_pacer_is_due_for(bytes))
        run_cycle(reason);
    ml_throttle_done();
    ml_unlock(&ml_cycle_gate);
    ml_unlock(&collector_lock);
    ml_background_nudge();
    ml_finalthread_nudge();
    ml_os_restore_signals(blocked);
}

void ml_gc_collect(enum ml_gc_reason reason) { collect(reason, UINT64_MAX); }

void ml_gc_collect_if_due(uint64_t bytes) { collect(ML_GC_PACED, bytes); }

void ml_gc_make_room(uint64_t bytes)
{
    if (!ml_gc_stops && !ml_gc_is_asleep()) {
        ml_throttle_asked();
        if (ml_background_ask_for_cycle(bytes)) {
            ml_throttle_wait(bytes);
            return;
        }
        ml_throttle_done();
    }
    collect(ML_GC_PACED, bytes);
}

void ml_gc_init(void)
{
    ml_gc_history_init();
    ml_os_loader_init();
    ml_os_thread_prepare();
}

/* ---- fork ----------------------------------------------------------------------------- */

void ml_gc_before_fork(void)
{
    ml_lock(&ml_cycle_gate);
    ml_threads_close(); /* before the locks that are taken inside */
    ml_lock(&ml_mutators_lock);
    ml_interpose_before_fork();
    ml_roots_before_fork();
    ml_finalize_before_fork();
    ml_pacer_before_fork();
}

void ml_gc_after_fork_parent(void)
{
    ml_pacer_after_fork();
    ml_finalize_after_fork();
    ml_roots_after_fork();
    ml_interpose_after_fork();
    ml_unlock(&ml_mutators_lock);
    ml_threads_open();
    ml_unlock(&ml_cycle_gate);
}

void ml_gc_after_fork_child(void)
{
    ml_os_loader_after_fork_child();
    ml_pacer_after_fork();
    ml_finalthread_after_fork_child();
    ml_roots_after_fork();
    ml_interpose_after_fork_child();
    ml_mutators_after_fork_child();
    ml_unlock(&ml_mutators_lock);
    ml_threads_open();
    ml_limit_after_fork_child();
    ml_background_after_fork_child();
    ml_helpers_after_fork_child();
    ml_cycle_after_fork_child();
    collector_lock = (struct ml_lock)ML_LOCK_FREE; /* its cycle, if any, is gone */
    ml_unlock(&ml_cycle_gate);
}
