/* SPDX-License-Identifier: MIT */
/* test_gc_collect.c - a collection from the outside: what its numbers say, and
 * that they can be read while it runs. */
#include "gc/collect.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gc_objects.h"
#include "identities.h"
#include "os/thread.h"
#include "stats/memstats.h"
#include "unit.h"

static struct memlog_memstats read_stats(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats;
}

static struct memlog_extra read_extra(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    ck_assert_int_eq(memlog_read_extra(&extra), 0);
    return extra;
}

static uint64_t realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- history ------------------------------------------------------------------------ */

START_TEST(before_the_first_collection_there_is_no_history)
{
    struct memlog_memstats stats = read_stats();
    ck_assert_uint_eq(stats.num_gc, 0);
    ck_assert_uint_eq(stats.num_forced_gc, 0);
    ck_assert_uint_eq(stats.last_gc, 0);
    ck_assert_uint_eq(stats.pause_total_ns, 0);
    for (int i = 0; i < MEMLOG_PAUSES; i++)
        ck_assert_uint_eq(stats.pause_ns[i] + stats.pause_end[i], 0);
    ck_assert(stats.gc_cpu_fraction == 0);
    ck_assert(stats.enable_gc);
}
END_TEST

/* After `cycles` collections, of which all were observed. */
static void check_rings(const struct memlog_memstats *stats, const uint64_t *pauses,
                        const uint64_t *ends, unsigned cycles)
{
    uint64_t total = 0;
    ck_assert_uint_eq(stats->num_gc, cycles);
    for (unsigned cycle = 0; cycle < cycles; cycle++) {
        total += pauses[cycle];
        if (cycle + MEMLOG_PAUSES < cycles)
            continue;
        ck_assert_uint_eq(stats->pause_ns[cycle % MEMLOG_PAUSES], pauses[cycle]);
        ck_assert_uint_eq(stats->pause_end[cycle % MEMLOG_PAUSES], ends[cycle]);
    }
    for (unsigned slot = cycles; slot < MEMLOG_PAUSES; slot++)
        ck_assert_uint_eq(stats->pause_ns[slot] + stats->pause_end[slot], 0);
    ck_assert_uint_eq(stats->pause_total_ns, total);
    ck_assert_uint_eq(stats->last_gc, cycles == 0 ? 0 : ends[cycles - 1]);
}

START_TEST(pauses_are_kept_in_rings_of_256)
{
    enum { CYCLES = 600 };
    static uint64_t pauses[CYCLES], ends[CYCLES];
    uint64_t last_end = realtime_ns();
    for (unsigned cycles = 1; cycles <= CYCLES; cycles++) {
        uint64_t begin = realtime_ns();
        if (cycles % 5 == 0)
            ml_gc_collect(ML_GC_NO_MEMORY);
        else
            memlog_gc();
        struct memlog_memstats stats = read_stats();
        unsigned newest = (cycles + MEMLOG_PAUSES - 1) % MEMLOG_PAUSES;
        pauses[cycles - 1] = stats.pause_ns[newest];
        ends[cycles - 1] = stats.pause_end[newest];
        ck_assert_uint_gt(stats.pause_ns[newest], 0);
        ck_assert_uint_le(stats.pause_ns[newest], realtime_ns() - begin + 1000000);
        ck_assert_uint_ge(stats.pause_end[newest], last_end);
        ck_assert_uint_le(stats.pause_end[newest], realtime_ns());
        ck_assert_uint_eq(stats.num_forced_gc, cycles - cycles / 5);
        last_end = stats.pause_end[newest];
        if (cycles == 1 || (cycles >= 255 && cycles <= 257) || cycles == CYCLES)
            check_rings(&stats, pauses, ends, cycles);
    }
    struct memlog_memstats stats = read_stats();
    ck_assert(stats.gc_cpu_fraction > 0 && stats.gc_cpu_fraction <= 1);
}
END_TEST

static uint64_t sum_of(const struct memlog_histogram *histogram)
{
    uint64_t sum = 0;
    for (int i = 0; i < MEMLOG_HISTOGRAM; i++)
        sum += histogram->counts[i];
    return sum;
}

START_TEST(each_stop_is_in_the_histograms)
{
    enum { CYCLES = 50 };
    for (int i = 0; i < CYCLES; i++)
        memlog_gc();
    struct memlog_memstats stats = read_stats();
    struct memlog_extra extra = read_extra();
    ck_assert_uint_ge(extra.pauses, CYCLES);
    ck_assert_uint_eq(sum_of(&extra.pause_histogram), extra.pauses);
    ck_assert_uint_eq(sum_of(&extra.stop_histogram), extra.pauses);
    ck_assert_uint_eq(extra.pause_histogram.sum_ns, stats.pause_total_ns);
    ck_assert_uint_lt(extra.stop_histogram.sum_ns, extra.pause_histogram.sum_ns);
    /* The longest is in the last bucket that is not empty. */
    unsigned last = MEMLOG_HISTOGRAM - 1;
    while (extra.pause_histogram.counts[last] == 0)
        last--;
    ck_assert_uint_le(extra.pause_longest_ns, memlog_histogram_ns(last));
    ck_assert(last == 0 || extra.pause_longest_ns > memlog_histogram_ns(last - 1));
}
END_TEST

START_TEST(the_last_256_cycles_are_remembered)
{
    enum { CYCLES = 300 };
    struct ml_gc_record record;
    ck_assert(!ml_gc_record_read(0, &record));
    ck_assert(!ml_gc_record_read(1, &record));
    for (unsigned i = 1; i <= CYCLES; i++) {
        memlog_gc();
        struct memlog_memstats stats = read_stats();
        ck_assert(ml_gc_record_read(i, &record));
        ck_assert_uint_eq(record.number, i);
        ck_assert_uint_eq(record.reason, ML_GC_FORCED);
        ck_assert_uint_eq(record.ended_ns, stats.last_gc);
        ck_assert_uint_eq(record.stopped_ns, stats.pause_ns[(i - 1) % MEMLOG_PAUSES]);
        ck_assert_uint_eq(record.goal_bytes, stats.next_gc);
        ck_assert_uint_le(record.stand_ns, record.longest_ns);
        ck_assert_uint_le(record.longest_ns, record.stopped_ns);
    }
    ck_assert(!ml_gc_record_read(CYCLES + 1, &record));
    ck_assert(!ml_gc_record_read(CYCLES - MEMLOG_PAUSES, &record));
    ck_assert(ml_gc_record_read(CYCLES - MEMLOG_PAUSES + 1, &record));
}
END_TEST

START_TEST(what_is_alive_and_what_was_scanned_is_told)
{
    static void *volatile slots[OBJECTS];
    static hidden_t hidden[OBJECTS];
    struct memlog_extra before = { .size = sizeof(before) }, after = { .size = sizeof(after) };
    static char range[4096] __attribute__((aligned(16)));
    collect();
    memlog_read_extra(&before);
    fill(slots, hidden, OBJECTS, 1000, ML_SCAN);
    memlog_keep_alive(memlog_malloc_uncollectable(80000));
    memlog_add_roots(range, range + sizeof(range));
    collect();
    memlog_read_extra(&after);
    uint64_t bytes = OBJECTS * 1024 + 10 * 8192;
    ck_assert_uint_ge(after.live_bytes + 2048, before.live_bytes + bytes);
    ck_assert_uint_le(after.live_bytes, before.live_bytes + bytes + 2048);
    ck_assert_uint_ge(after.live_objects + 2, before.live_objects + OBJECTS);
    ck_assert_uint_eq(after.root_added_bytes, before.root_added_bytes + sizeof(range));
    ck_assert_uint_ge(after.root_data_bytes, before.root_data_bytes + 80000);
    ck_assert_uint_gt(after.root_stack_bytes, 100);
    ck_assert_uint_gt(after.gc_cpu_ns, before.gc_cpu_ns);
    ck_assert_uint_gt(after.last_mark_ns, 0);
    ck_assert_uint_ge(read_stats().lookups, OBJECTS);
}
END_TEST

/* A cycle that another's has made needless is none. */
static void *collect_paced(void *unused)
{
    ml_gc_make_room(1 << 30);
    return unused;
}

START_TEST(who_waited_for_anothers_cycle_does_not_begin_one_of_his_own)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, collect_paced, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct memlog_memstats stats = read_stats();
    ck_assert_uint_ge(stats.num_gc, 1);
    ck_assert_uint_le(stats.num_gc, THREADS);
    ck_assert_uint_eq(stats.num_forced_gc, 0);
}
END_TEST

/* ---- reading meanwhile -------------------------------------------------------------------- */

struct node {
    struct node *left, *right;
};

static void *volatile root;

static __attribute__((noinline)) struct node *tree(unsigned depth)
{
    struct node *node = memlog_malloc(sizeof(*node));
    if (depth > 0) {
        node->left = tree(depth - 1);
        node->right = tree(depth - 1);
    }
    return node;
}

static uint32_t reading, collecting;
static uint64_t reads, reads_while_collecting;

/* A thread of memlog's own, as the log's is. */
static void read_all_the_time(void *unused)
{
    static struct memlog_memstats now, last;
    (void)unused;
    while (__atomic_load_n(&reading, __ATOMIC_ACQUIRE)) {
        ml_stats_read(&now);
        check_identities(&now);
        if (reads > 0)
            check_totals_grow(&last, &now);
        last = now;
        reads++;
        reads_while_collecting += __atomic_load_n(&collecting, __ATOMIC_ACQUIRE);
    }
}

static void *churn(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&reading, __ATOMIC_ACQUIRE))
        for (size_t bytes = 1; bytes < 100000; bytes += bytes / 2 + 7)
            if (bytes % 3 != 0)
                memlog_free(memlog_malloc(bytes));
            else
                memlog_keep_alive(memlog_malloc(bytes));
    return NULL;
}

START_TEST(numbers_are_read_on_through_a_long_collection)
{
    struct ml_os_thread reader;
    pthread_t thread;
    memlog_set_gc_percent(-1);
    root = tree(20);
    memlog_set_gc_percent(100);
    reading = 1;
    ck_assert_int_eq(ml_os_thread_start(&reader, "reader", read_all_the_time, NULL), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, churn, NULL), 0);
    for (int i = 0; i < 10; i++) {
        __atomic_store_n(&collecting, 1, __ATOMIC_RELEASE);
        memlog_gc();
        __atomic_store_n(&collecting, 0, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&reading, 0, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    ml_os_thread_join(&reader);
    /* Each of the collections takes as long as many reads. */
    ck_assert_uint_ge(reads_while_collecting, 50);
    assert_whole();
}
END_TEST

/* ---- in the middle of a cycle ------------------------------------------------------------ */

static void (*at_mark)(void), (*at_start)(void);

struct ml_root_bytes __real_ml_roots_mark(struct ml_marker *marker, unsigned kinds);
struct ml_root_bytes __wrap_ml_roots_mark(struct ml_marker *marker, unsigned kinds);
struct ml_root_bytes __wrap_ml_roots_mark(struct ml_marker *marker, unsigned kinds)
{
    if (at_mark != NULL)
        at_mark();
    return __real_ml_roots_mark(marker, kinds);
}

void __real_ml_world_start(void);
void __wrap_ml_world_start(void);
void __wrap_ml_world_start(void)
{
    __real_ml_world_start();
    if (at_start != NULL)
        at_start();
}

enum { FEW = 100, MANY = 5000, TWICE = 2000 };
static struct ml_gc_history at_sweep;

/* As a thread does that allocates at once, and sweeps for that. */
static void find_twice(void)
{
    ml_heap_note_marked_twice(TWICE, TWICE * 64);
    ml_gc_history_read(&at_sweep);
}

START_TEST(what_was_counted_twice_is_taken_off_the_cycle_that_did)
{
    static void *volatile slots[MANY];
    static hidden_t hidden[MANY];
    struct ml_gc_history before, after;
    memlog_set_gc_percent(-1);
    fill(slots, hidden, FEW, 64, ML_SCAN);
    collect();
    fill(slots, hidden, MANY, 64, ML_SCAN);
    ml_gc_history_read(&before);
    ck_assert_uint_lt(before.live_objects, TWICE);
    at_start = find_twice;
    collect();
    ml_gc_history_read(&after);
    ck_assert_uint_eq(at_sweep.cycles, before.cycles);
    ck_assert_uint_ge(at_sweep.live_objects, MANY - TWICE);
    ck_assert_uint_ge(at_sweep.live_bytes, (MANY - TWICE) * 64);
    ck_assert_uint_eq(after.live_objects, at_sweep.live_objects);
    ck_assert_uint_eq(after.live_bytes, at_sweep.live_bytes);
}
END_TEST

static uint32_t trimmed;

static void trim_all(void *unused)
{
    (void)unused;
    ml_central_trim(true);
    __atomic_store_n(&trimmed, 1, __ATOMIC_RELEASE);
}

static struct ml_os_thread trimmer;
static uint64_t empty_then;

/* Of its end nothing is to be seen while the mark is on. */
static void trim_meanwhile(void)
{
    enum { LONG = 50 * 1000 };
    empty_then = ml_central_empty_bytes();
    if (ml_os_thread_start(&trimmer, "trimmer", trim_all, NULL) != 0)
        abort();
    usleep(LONG);
    if (__atomic_load_n(&trimmed, __ATOMIC_ACQUIRE) || ml_central_empty_bytes() != empty_then)
        empty_then = 0;
}

START_TEST(no_span_goes_while_markers_look_at_it)
{
    static void *objects[MANY];
    memlog_set_gc_percent(-1);
    for (int i = 0; i < MANY; i++)
        objects[i] = memlog_malloc(64);
    for (int i = 0; i < MANY; i++)
        memlog_free(objects[i]);
    ml_heap_enter(ml_thread_self);
    ml_thread_flush_all(ml_thread_self);
    ml_heap_leave(ml_thread_self);
    ck_assert_uint_gt(ml_central_empty_bytes(), 0);
    at_mark = trim_meanwhile;
    memlog_gc();
    ck_assert_uint_gt(empty_then, 0);
    ml_os_thread_join(&trimmer);
    ck_assert_uint_eq(trimmed, 1);
    assert_whole();
}
END_TEST

/* ---- signals ---------------------------------------------------------------------------- */

static pid_t forked = -1;

static void fork_in_handler(int signal)
{
    (void)signal;
    memlog_keep_alive(memlog_malloc(100));
    forked = fork();
}

static void raise_a_signal(void) { raise(SIGUSR1); }

/* The child comes out of its handler where the parent does. */
START_TEST(a_handler_that_forks_in_the_thread_that_collects)
{
    int status;
    signal(SIGUSR1, fork_in_handler);
    alarm(60); /* for parent and child, should they hang */
    at_mark = raise_a_signal;
    collect();
    at_mark = NULL;
    ck_assert_int_ge(forked, 0);
    collect();
    if (forked == 0)
        _exit(ml_heap_audit() == NULL ? 0 : 1);
    ck_assert_int_eq(waitpid(forked, &status, 0), forked);
    ck_assert_int_eq(status, 0);
    sigset_t blocked;
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
    for (int number = 1; number < SIGRTMAX; number++)
        ck_assert_int_eq(sigismember(&blocked, number), 0);
}
END_TEST

UNIT_MAIN("gc collect", before_the_first_collection_there_is_no_history,
          pauses_are_kept_in_rings_of_256, each_stop_is_in_the_histograms,
          the_last_256_cycles_are_remembered, what_is_alive_and_what_was_scanned_is_told,
          who_waited_for_anothers_cycle_does_not_begin_one_of_his_own,
          numbers_are_read_on_through_a_long_collection,
          what_was_counted_twice_is_taken_off_the_cycle_that_did,
          no_span_goes_while_markers_look_at_it,
          a_handler_that_forks_in_the_thread_that_collects)
