/* SPDX-License-Identifier: MIT */
#include "api/init.h"

#include <pthread.h>
#include <stdbool.h>

#include "api/options.h"
#include "config.h"
#include "gc/alloc.h"
#include "gc/asleep.h"
#include "gc/background.h"
#include "gc/collect.h"
#include "gc/finalize.h"
#include "gc/limit.h"
#include "gc/mutator.h"
#include "gc/pacer.h"
#include "gc/real.h"
#include "gc/stopworld.h"
#include "gc/stress.h"
#include "gc/trace.h"
#include "gc/verify.h"
#include "heap/alloc.h"
#include "log/ticker.h"
#include "os/process.h"
#include "os/thread.h"
#include "profile/dump.h"
#include "profile/sampler.h"
#include "stats/root.h"

static void thread_came(void)
{
    if (ml_gc_is_asleep()) {
        ml_asleep_thread_came();
        return;
    }
    if (ml_mutator_register() != 0)
        ml_os_complain("a thread's stack could not be found, and memory that only this thread "
                       "refers to may be collected", NULL);
}

static void slow_path(void)
{
    if (ml_gc_is_asleep()) {
        ml_asleep_notice();
    } else {
        ml_stress_notice();
        ml_background_notice();
    }
    ml_log_poll_orphan();
    ml_dump_notice(false);
}

/* A signal handler that has interrupted the heap and forks: its own thread may
 * hold the locks, and in the child it gives them back when the handler returns.
 * It goes as in a program without memlog. */
static bool forks_within_heap(void) { return ml_thread_self->inside != 0; }

/* The collector's lock first: while waiting for it this thread can still be
 * stopped, which it can't any more once it holds the log's (signals are held
 * back) or the heap's. */
static void before_fork(void)
{
    if (forks_within_heap())
        return;
    ml_gc_before_fork();
    ml_log_before_fork();
    ml_heap_before_fork();
}

static void after_fork_parent(void)
{
    if (forks_within_heap())
        return;
    ml_heap_after_fork_parent();
    ml_log_after_fork_parent();
    ml_gc_after_fork_parent();
}

static void after_fork_child(void)
{
    if (forks_within_heap())
        return;
    ml_heap_after_fork_child();
    ml_gc_after_fork_child();
    ml_log_after_fork_child();
}

static void wire_collector(void)
{
    ml_real_prepare();
    ml_gc_init();
    if (ml_stopworld_init() != 0)
        ml_os_complain("no real-time signal is free to stop threads with: with more than one "
                       "thread nothing can be collected", NULL);
}

static void wire(void)
{
    ml_heap_hooks.stop_wanted = ml_world_stop_wanted;
    ml_heap_hooks.thread_came = thread_came;
    ml_heap_hooks.slow_path = slow_path;
    ml_heap_hooks.watched_goes = ml_finalize_forget;
    (void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static void start_profile(void)
{
    struct ml_profile_options options;
    ml_options_profile(&options);
    ml_profile_start(options.rate, options.bytes_most, options.by_frame_pointers);
    if (options.rate == 0 || (options.file == NULL && options.signal == 0))
        return;
    int error = ml_dump_prepare(options.file, options.signal, options.memory_limit,
                                "memlog " PACKAGE_VERSION);
    if (error != 0)
        ml_os_complain("MEMLOG_PROFILE_FILE, MEMLOG_PROFILE_SIGNAL: ", ml_os_error_text(-error),
                       "; no profile is written by itself", NULL);
}

/* Before there is a heap. */
static void apply_early(const struct ml_collector_options *options)
{
    ml_gc_stops = options->gc_stops;
    ml_trace_on = options->gc_trace;
    ml_verify_on = options->gc_verify;
    ml_gc_pad_above = options->pad_all ? 0 : ML_GC_PAD_ABOVE;
    if (!ml_stress_start(options->gc_stress))
        ml_os_complain("MEMLOG_GC_STRESS: the program has allocated before memlog was "
                       "initialized; the mode stays off", NULL);
}

/* The calling thread may have to have its cache. */
static void apply_late(const struct ml_collector_options *options)
{
    if (options->gc_percent != ML_GC_PERCENT_DEFAULT)
        ml_pacer_set_percent(options->gc_percent);
    if (options->memory_limit != INT64_MAX)
        ml_limit_set(options->memory_limit);
}

/* ---- in a program that may not know of memlog ---------------------------------- */

/* The collector's turn has come after all. The first thread's cache is there. */
static void wake(void)
{
    struct ml_collector_options options;
    ml_options_collector(&options);
    ml_gc_stops = options.gc_stops;
    ml_trace_on = options.gc_trace;
    ml_verify_on = options.gc_verify;
    wire_collector();
    ml_pacer_set_percent(options.gc_percent);
    if (options.memory_limit != INT64_MAX)
        ml_limit_set(options.memory_limit);
}

static void begin_asleep(void)
{
    /* A program may bring a memlog of its own, and give its names to others. */
    ml_asleep_begin(ml_api_is_preempted() ? NULL : wake);
    ml_real_prepare();
    ml_os_thread_prepare(); /* for the log's */
    wire();
    start_profile();
    if (ml_heap_init() == 0 && (ml_thread_attached() || ml_thread_attach(false) == 0))
        ml_pacer_set_percent(-1);
}

/* An archive's member that nobody refers to would not get into the program. */
__attribute__((used)) static struct memlog_root *const root = &memlog_root;

/* ---- start ------------------------------------------------------------------------ */

void ml_init(void)
{
    static bool done; /* constructors run one after the other */
    if (done)
        return;
    done = true;
    if (ml_asleep_at_start()) {
        begin_asleep();
        return;
    }
    if (ml_api_is_preempted()) {
        ml_asleep_begin(NULL); /* the preload library's copy does it all */
        return;
    }
    struct ml_collector_options options;
    ml_options_collector(&options);
    apply_early(&options);
    wire();
    start_profile();
    wire_collector();
    /* The first thread: it may hold pointers before it allocates. */
    if (ml_os_tid() == ml_os_pid())
        (void)ml_gc_attach();
    apply_late(&options);
}

/* Before the program's own constructors also where memlog is linked into it. */
__attribute__((constructor(101))) static void start(void) { ml_init(); }

/* Not for a handler that has interrupted the heap and calls exit(): its numbers would never
 * be whole. */
__attribute__((destructor(101))) static void finish(void)
{
    if (ml_thread_self->inside != 0)
        return;
    ml_dump_at_exit();
    ml_log_at_exit();
}
