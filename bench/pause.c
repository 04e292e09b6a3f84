/* SPDX-License-Identifier: MIT */
/* pause - how long a program stands while its heap of 1 GiB (forest.h) is
 * collected.
 *
 *   pause collected WRITES [MIB [COLLECTIONS [SECONDS]]]
 *   pause control WRITES ...
 *
 * Three threads sleep. One allocates 200 MB/s, a tree of 32 KiB every 164 us, as
 * garbage or, every 16th, in place of an old one; and makes so many random writes
 * a second into old objects: it exchanges two parts, which is two writes. That
 * goes on for so many collections after the first, or so many seconds.
 *
 * The control is the same without collections: trees are freed by hand, and two
 * bare stops (bare.h) stand where a collection would. What the machine itself
 * makes of a pause, and how long it keeps the thread waiting, is seen there.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bare.h"
#include "figures.h"
#include "forest.h"
#include "memlog.h"

enum {
    BYTES_PER_SECOND = 200 * 1000 * 1000,
    TREE_BYTES = FOREST_TREE_NODES * FOREST_NODE_BYTES,
    REPLACED_EVERY = 16, /* tree: an old one makes room for it */
    LOOK_EVERY = 512,    /* trees: whether it is over, and whether an old one is sound */
    SLEEPERS = 3,
    SECOND_NS = 1000 * 1000 * 1000,
    STOPS_A_COLLECTION = 2,
    DEFAULT_MIB = 1024,
    DEFAULT_COLLECTIONS = 5,
    DEFAULT_SECONDS = 60
};

static const uint64_t period_ns = (uint64_t)TREE_BYTES * SECOND_NS / BYTES_PER_SECOND;

static long writes_per_second, mib = DEFAULT_MIB;
static long most_collections = DEFAULT_COLLECTIONS, most_seconds = DEFAULT_SECONDS;
static bool is_control;

/* ---- threads -------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static pid_t tids[SLEEPERS + 1]; /* the last one allocates */

static void *sleep_on(void *index)
{
    tids[(uintptr_t)index] = (pid_t)syscall(SYS_gettid);
    pthread_barrier_wait(&barrier);
    while (pause() != 0) { /* a signal: ours or the collector's */
    }
    return NULL;
}

static void start(void *(*body)(void *), uintptr_t argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, (void *)argument) != 0)
        bench_need(NULL);
}

static void start_sleepers(void)
{
    pthread_barrier_init(&barrier, NULL, SLEEPERS + 1);
    for (uintptr_t i = 0; i < SLEEPERS; i++)
        start(sleep_on, i);
    tids[SLEEPERS] = (pid_t)syscall(SYS_gettid);
    pthread_barrier_wait(&barrier);
}

static void sleep_until(uint64_t ns)
{
    struct timespec due = { (time_t)(ns / SECOND_NS), (long)(ns % SECOND_NS) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
    }
}

/* ---- the control's stops ------------------------------------------------------------ */

static uint64_t stop_ns[STOPS_A_COLLECTION * (MEMLOG_PAUSES + 1)];
static atomic_uint stops;

/* As often as a collector would: once while as much is allocated as is alive. */
static void *stop_now_and_then(void *unused)
{
    uint64_t collection_ns = ((uint64_t)mib << 20) * SECOND_NS / BYTES_PER_SECOND;
    uint64_t due = bench_wall_ns();
    (void)unused;
    for (unsigned i = 0; i < sizeof(stop_ns) / sizeof(*stop_ns); i++) {
        sleep_until(due += collection_ns / STOPS_A_COLLECTION);
        stop_ns[i] = bare_stop_and_release().all;
        atomic_store(&stops, i + 1);
    }
    return NULL;
}

/* ---- the thread that allocates and writes ---------------------------------------------- */

struct work {
    uint64_t chance;
    uint64_t trees, writes;
    uint64_t longest_stall_ns, wall_ns;
};

static void exchange_parts(uint64_t *chance)
{
    struct forest_node **one = forest_any_part(chance), **other = forest_any_part(chance);
    struct forest_node *part = *one;
    *one = *other;
    *other = part;
}

static void free_tree(struct forest_node *node)
{
    if (node == NULL)
        return;
    free_tree(node->left);
    free_tree(node->right);
    memlog_free(node);
}

static void work_a_period(struct work *work)
{
    struct forest_node *tree = forest_make_tree();
    if (work->trees % REPLACED_EVERY == 0) {
        struct forest_node **place = forest_any_tree(&work->chance), *old = *place;
        *place = tree;
        tree = old;
    }
    if (is_control)
        free_tree(tree);
    work->trees++;
    uint64_t due = work->trees * period_ns * (uint64_t)writes_per_second / SECOND_NS;
    for (; work->writes + 2 <= due; work->writes += 2)
        exchange_parts(&work->chance);
}

static unsigned collections(void)
{
    static struct memlog_memstats stats;
    if (is_control)
        return atomic_load(&stops) / STOPS_A_COLLECTION;
    memlog_read_memstats(&stats);
    return stats.num_gc;
}

/* Until there were so many collections. A stall is what a period took beyond its
 * time, from when it was due, or from the end of the one before where that was
 * late: one delay counts once. */
static void work_through(struct work *work, unsigned wanted)
{
    uint64_t begin = bench_wall_ns(), last = begin, due = begin;
    while (collections() < wanted && last - begin < (uint64_t)most_seconds * SECOND_NS) {
        for (int i = 0; i < LOOK_EVERY; i++, due += period_ns) {
            sleep_until(due);
            work_a_period(work);
            uint64_t over = bench_wall_ns(), took = over - (last > due ? last : due);
            if (took > period_ns + work->longest_stall_ns)
                work->longest_stall_ns = took - period_ns;
            last = over;
        }
        forest_check_tree(*forest_any_tree(&work->chance));
        last = bench_wall_ns();
    }
    work->wall_ns = last - begin;
}

/* ---- what came of it ---------------------------------------------------------------------- */

static void report_pauses(uint64_t longest_ns, uint64_t *sums_ns, unsigned count)
{
    bench_figure("longest pause ms", (double)longest_ns / BENCH_NS_PER_MS);
    bench_figure("median stopped ms",
                 (double)bench_quantile(sums_ns, count, 0.5) / BENCH_NS_PER_MS);
}

static void report_control(unsigned first, unsigned count)
{
    uint64_t longest = 0, sums[MEMLOG_PAUSES] = { 0 };
    for (unsigned i = 0; i < count * STOPS_A_COLLECTION; i++) {
        uint64_t ns = stop_ns[first * STOPS_A_COLLECTION + i];
        longest = ns > longest ? ns : longest;
        sums[i / STOPS_A_COLLECTION] += ns;
    }
    report_pauses(longest, sums, count);
}

/* The ring has the sums of collections, memlog_extra the longest single pause since
 * the start: where that one came before, no single pause was longer than the
 * greatest sum. */
static void report_collections(unsigned first, unsigned count, const struct memlog_extra *before)
{
    static struct memlog_memstats stats;
    struct memlog_extra extra = { .size = sizeof(extra) };
    uint64_t greatest = 0, sums[MEMLOG_PAUSES];
    memlog_read_memstats(&stats);
    memlog_read_extra(&extra);
    if (extra.live_objects < forest_trees() * FOREST_TREE_NODES) {
        fprintf(stderr, "only %llu objects were reached\n", (unsigned long long)extra.live_objects);
        exit(1);
    }
    for (unsigned i = 0; i < count; i++) {
        sums[i] = stats.pause_ns[(first + i) % MEMLOG_PAUSES];
        greatest = sums[i] > greatest ? sums[i] : greatest;
    }
    bench_figure("collections", count);
    bench_figure("ran along", (double)(extra.gc_along - before->gc_along));
    if (greatest > extra.pause_longest_ns)
        greatest = extra.pause_longest_ns;
    report_pauses(greatest, sums, count);
    bench_figure("CPU ms a collection",
                 (double)(extra.gc_cpu_ns - before->gc_cpu_ns) / count / BENCH_NS_PER_MS);
}

static void read_arguments(int argc, char **argv)
{
    if (argc < 3 || argc > 6 ||
        (strcmp(argv[1], "collected") != 0 && strcmp(argv[1], "control") != 0)) {
        fprintf(stderr, "usage: %s collected|control WRITES [MIB [COLLECTIONS [SECONDS]]]\n",
                argv[0]);
        exit(2);
    }
    is_control = strcmp(argv[1], "control") == 0;
    writes_per_second = bench_number(argv[2], 0, 100 * 1000 * 1000);
    if (argc > 3)
        mib = bench_number(argv[3], 1, FOREST_MIB_MOST);
    if (argc > 4)
        most_collections = bench_number(argv[4], 1, MEMLOG_PAUSES - 1);
    if (argc > 5)
        most_seconds = bench_number(argv[5], 1, 3600);
}

/* The heap at its full size and collected once, and all threads there. */
static void prepare(void)
{
    prctl(PR_SET_TIMERSLACK, 1); /* a sleep ends when it should */
    int percent = memlog_set_gc_percent(-1);
    forest_grow((int)mib);
    memlog_gc();
    start_sleepers();
    if (is_control) {
        bare_begin(tids, SLEEPERS + 1);
        start(stop_now_and_then, 0);
    } else {
        memlog_set_gc_percent(percent);
    }
}

int main(int argc, char **argv)
{
    struct memlog_extra before = { .size = sizeof(before) };
    struct work warm_up = { .chance = 1 };
    read_arguments(argc, argv);
    prepare();
    work_through(&warm_up, collections() + 1);

    struct work work = { .chance = warm_up.chance };
    unsigned first = collections();
    memlog_read_extra(&before);
    work_through(&work, first + (unsigned)most_collections);
    unsigned count = collections() - first;
    if (count == 0 || count > MEMLOG_PAUSES) {
        fprintf(stderr, "%u collections in %ld s\n", count, most_seconds);
        return 1;
    }
    if (is_control)
        report_control(first, count);
    else
        report_collections(first, count, &before);
    bench_figure("longest stall ms", (double)work.longest_stall_ns / BENCH_NS_PER_MS);
    bench_figure("allocated MB/s", (double)work.trees * TREE_BYTES * 1e3 / (double)work.wall_ns);
    forest_check();
    return 0;
}
