/* SPDX-License-Identifier: MIT */
/* prog_faults.c - programs that use memlog while the system refuses: run by
 * prog_fail_nth, which lets one call fail, or by a script under a limit.
 *
 *   prog_faults [lasting] SCENARIO
 *
 * Whatever happens, results are those that are documented, no object that is
 * referred to changes, the statistics agree with each other and with the heap,
 * and the log has whole lines and knows what it lost. What is wrong is said on
 * stdout, with status 1. "lasting": faults do not go away, so that refusals
 * are final; and "begun" is said before any code of memlog's runs, since below
 * a tight limit the loader may not get that far.
 *
 * Scenarios: start, heap, collect, deep, release, threads, log, fork; and below
 * a limit: full (allocates until there is no more).
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "fault_items.h"
#include "fault_log.h"
#include "fault_marker.h"

#define IDENTITY_BROKEN WRONG
#include "identities.h"

#ifdef WITH_AUDIT /* linked with the floors, whose names the library hides */
#include "heap/audit.h"
#endif

/* ---- after the faults --------------------------------------------------------- */

static void check_statistics(void)
{
    static struct memlog_memstats before;
    struct memlog_memstats after;
    MUST(memlog_read_memstats(&after) == 0);
    check_identities(&after);
    check_totals_grow(&before, &after);
    before = after;
#ifdef WITH_AUDIT
    const char *broken = ml_heap_audit();
    if (broken != NULL)
        WRONG("the heap is broken: %s", broken);
#endif
}

/* It is no call that can fail here. */
static void sleep_us(long us)
{
    struct timespec span = { 0, us * 1000 };
    nanosleep(&span, NULL);
}

/* ---- the heap ------------------------------------------------------------------- */

static struct item *kept, *uncollectable;

/* Objects of all kinds and of many sizes. */
static void build(void)
{
    static const size_t sizes[] = { 0, 40, 100, 500, 2000, 9000, 30000, 40000, 70000, 300000 };
    for (size_t i = 0; i < 4 * sizeof(sizes) / sizeof(sizes[0]); i++)
        kept = push(kept, (enum item_kind)(i % 2 == 0 ? SCANNED : ALIGNED), sizes[i / 4]);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        uncollectable = push(uncollectable, UNCOLLECTABLE, sizes[i]);
}

static void resize_all(void)
{
    static const size_t sizes[] = { 24, 700, 33000, 90000, 200, 500000 };
    size_t at = 0;
    for (struct item **place = &kept; *place != NULL; place = &(*place)->next)
        *place = resize(*place, sizes[at++ % (sizeof(sizes) / sizeof(sizes[0]))]);
}

static void free_every_third(void)
{
    size_t at = 0;
    for (struct item **place = &kept; *place != NULL;) {
        struct item *item = *place;
        if (++at % 3 != 0) {
            place = &item->next;
            continue;
        }
        *place = item->next;
        memlog_free(item);
    }
}

static void check_lists(void)
{
    check_list(kept);
    check_list(uncollectable);
}

/* Objects that only memory of malloc's refers to, which was added as a root. */
static void add_and_remove_roots(void)
{
    enum { RANGES = 40 };
    void **root = calloc(RANGES, sizeof(*root));
    unsigned attempts = 0;
    MUST(root != NULL);
    for (int i = 0; i < RANGES; i++) {
        int error;
        do {
            error = memlog_add_roots(root + i, root + i + 1);
            MUST(error == 0 || error == -ENOMEM);
        } while (once_more(error != 0, &attempts));
        if (error == 0)
            root[i] = push(NULL, NOSCAN, 64);
    }
    memlog_gc();
    for (int i = 0; i < RANGES; i++)
        check_list(root[i]);
    for (int i = 0; i < RANGES; i++)
        MUST(memlog_remove_roots(root + i, root + i + 1) == (root[i] != NULL ? 0 : -ENOENT));
    free(root);
}

static void heap(void)
{
    build();
    check_lists();
    resize_all();
    check_lists();
    free_every_third();
    build();
    add_and_remove_roots();
    check_lists();
}

/* ---- collections --------------------------------------------------------------------- */

enum { WIDE = 30000 }; /* more than the marker's first stack holds */

/* One object that refers to many, each of which refers to one more. */
static struct item **build_wide(void)
{
    struct item **wide = memlog_calloc(WIDE, sizeof(*wide));
    for (size_t i = 0; wide != NULL && i < WIDE; i++)
        wide[i] = push(push(NULL, NOSCAN, 8), SCANNED, 0);
    return wide;
}

static void check_wide(struct item **wide)
{
    for (size_t i = 0; wide != NULL && i < WIDE; i++)
        MUST(check_list(wide[i]) == 2);
}

static struct item **wide_one;

static void make_garbage(void)
{
    for (int i = 0; i < 300; i++)
        (void)push(NULL, i % 2 == 0 ? SCANNED : NOSCAN, 10000);
}

static void collect(void)
{
    build();
    wide_one = build_wide();
    for (int round = 0; round < 3; round++) {
        make_garbage();
        memlog_gc();
        check_lists();
        check_wide(wide_one);
    }
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    MUST(stats.num_forced_gc == 3);
}

/* What pthread_create may answer: the C library hands on what the kernel said
 * to the stack's protection. */
static bool is_refused_thread(int error)
{
    return error == EAGAIN || error == EPERM || error == EACCES;
}

/* ---- a deep stack -----------------------------------------------------------------------

 * Much deeper than when the thread became known: the collector has to find
 * out how far it reaches, and each frame refers to an object. */
enum { FRAMES = 40 };

static __attribute__((noinline)) void go_deeper(int frames)
{
    volatile char room[16384];
    room[0] = room[sizeof(room) - 1] = 1;
    struct item *mine = push(NULL, SCANNED, 200);
    if (frames > 0) {
        go_deeper(frames - 1);
    } else {
        memlog_gc();
        make_garbage();
        memlog_gc();
    }
    check_list(mine);
    memlog_keep_alive(mine);
}

static void *dive(void *unused)
{
    go_deeper(FRAMES);
    return unused;
}

static void on_deep_stacks(void)
{
    pthread_t thread;
    unsigned attempts = 0;
    int error;
    dive(NULL);
    do {
        error = pthread_create(&thread, NULL, dive, NULL);
        MUST(error == 0 || is_refused_thread(error));
    } while (once_more(error != 0, &attempts));
    MUST(error != 0 || pthread_join(thread, NULL) == 0);
}

/* ---- memory goes back -------------------------------------------------------------------- */

static void release(void)
{
    build();
    make_garbage();
    for (int round = 0; round < 2; round++) {
        memlog_free_os_memory();
        check_lists();
        make_garbage(); /* where memory was, there is zero */
        free_every_third();
    }
    MUST(memlog_set_gc_percent(-1) == 100);
    make_garbage();
    memlog_free_os_memory();
    check_lists();
    MUST(memlog_set_gc_percent(100) == -1);
}

/* ---- threads ----------------------------------------------------------------------------- */

enum { THREADS = 3 };
static uint32_t ready, go_on;

/* Its argument and what it makes are referred to by its stack alone. */
static void *work(void *argument)
{
    struct item *mine = argument;
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE))
        sleep_us(200);
    check_list(mine);
    for (int i = 0; i < 20; i++)
        mine = push(mine, i % 2 == 0 ? SCANNED : ALIGNED, (size_t)i * 100);
    memlog_gc();
    check_list(mine);
    return mine;
}

static bool start_thread(pthread_t *thread)
{
    unsigned attempts = 0;
    int error;
    do {
        struct item *argument = push(push(NULL, SCANNED, 100), SCANNED, 1000);
        error = pthread_create(thread, NULL, work, argument);
        MUST(error == 0 || is_refused_thread(error));
    } while (once_more(error != 0, &attempts));
    return error == 0;
}

static void threads(void)
{
    pthread_t thread[THREADS];
    uint32_t started = 0;
    ready = go_on = 0;
    while (started < THREADS && start_thread(&thread[started]))
        started++;
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < started)
        sleep_us(200);
    memlog_gc();
    __atomic_store_n(&go_on, 1, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < started; i++) {
        void *result = NULL;
        MUST(pthread_join(thread[i], &result) == 0);
        memlog_gc();
        MUST(check_list(result) >= (faults_last ? 0 : 22));
    }
}

/* ---- the log ------------------------------------------------------------------------------- */

#define HOUR_NS UINT64_C(3600000000000)

/* 0, or the reason after a line on stderr. */
static int start_log(const char *file, const char *columns, uint64_t interval_ns,
                     uint64_t max_bytes)
{
    const struct memlog_log_options options = { .size = sizeof(options),
                                                .file = file,
                                                .interval_ns = interval_ns,
                                                .columns = columns,
                                                .max_bytes = max_bytes };
    unsigned attempts = 0;
    int error;
    do {
        error = memlog_log_start(&options);
        MUST(error <= 0);
    } while (once_more(error != 0, &attempts));
    return error;
}

static struct memlog_extra read_extra(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    MUST(memlog_read_extra(&extra) == 0);
    return extra;
}

/* Samples of the program's; as many as were refused are lost. */
static void write_samples(int count)
{
    for (int i = 0; i < count; i++) {
        int error = i % 5 == 4 ? memlog_log_mark("here") : memlog_log_sample();
        MUST(error == 0 || error == -EIO);
        kept = push(kept, SCANNED, 3000);
    }
}

static void judge_ended_log(const char *file)
{
    struct memlog_extra extra = read_extra();
    struct log_lines lines = judge_log(file);
    check_log(&lines, extra.log_samples, extra.log_lost);
}

static void log_once(const char *file, uint64_t interval_ns)
{
    if (start_log(file, "HeapObjects", interval_ns, 0) != 0)
        return;
    write_samples(12);
    sleep_us(5000);
    MUST(memlog_log_stop() == 0);
    MUST(memlog_log_sample() == -ENOTCONN);
    count_faults(0);
    judge_ended_log(file);
    count_faults(1);
}

/* A log of the program's samples, one of its thread's as well, and one with a cap. */
static void write_logs(void)
{
    log_once("quiet.log", HOUR_NS);
    log_once("busy.log", 1000000);
    /* These columns are read from /proc. */
    if (start_log("capped.log", "rss,cgroup_limit", HOUR_NS, 600) == 0) {
        write_samples(10);
        MUST(memlog_log_stop() == 0);
    }
    count_faults(0);
    judge_log("capped.log");
    judge_log("capped.log.1");
}

/* ---- children ---------------------------------------------------------------------------------- */

static _Noreturn void be_a_child(void)
{
    check_lists();
    kept = push(kept, SCANNED, 5000);
    memlog_gc();
    check_lists();
    for (int i = 0; i < 20; i++) {
        int error = memlog_log_sample();
        MUST(error == 0 || error == -EIO || error == -ENOTCONN);
        if (error == -ENOTCONN)
            sleep_us(10000);
    }
    sleep_us(3000);
    check_statistics();
    exit(0); /* ends its log */
}

/* A child of its own log, which is there whatever failed for a moment. */
static void judge_child(pid_t child)
{
    char file[64];
    snprintf(file, sizeof(file), "family.log.%d", (int)child);
    struct log_lines lines = judge_log(file);
    MUST(faults_last || lines.samples > 0);
    MUST(lines.samples == 0 || lines.headers > 0);
    unlink(file);
}

static void have_children(void)
{
    build();
    bool logs = start_log("family.log", NULL, 2000000, 0) == 0;
    for (int i = 0; i < 2; i++) {
        unsigned attempts = 0;
        pid_t child;
        do {
            child = fork();
            MUST(child >= 0 || errno == EAGAIN || errno == ENOMEM);
        } while (once_more(child < 0, &attempts));
        if (child == 0)
            be_a_child();
        int status = 0;
        if (child < 0)
            continue;
        MUST(waitpid(child, &status, 0) == child);
        MUST(status == 0);
        count_faults(0);
        judge_child(child);
        count_faults(1);
    }
    check_lists();
    if (!logs)
        return;
    MUST(memlog_log_stop() == 0);
    count_faults(0);
    judge_ended_log("family.log");
}

/* ---- the very beginning -------------------------------------------------------------------------- */

/* The constructors have run already, and what they wanted was refused. */
static void start(void)
{
    struct item *local = push(NULL, SCANNED, 100);
    kept = push(push(NULL, NOSCAN, 1000), SCANNED, 1000);
    make_garbage();
    memlog_gc();
    check_list(local);
    check_lists();
}

/* ---- until there is no more ------------------------------------------------------------------------- */

static void fill_up(void)
{
    static const size_t sizes[] = { 4000000, 200000, 10000, 500, 16 };
    const size_t MOST = 40000;
    size_t count = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (struct item *before = NULL; before != kept && count < MOST; count++) {
            before = kept;
            kept = push(kept, SCANNED, sizes[i]);
        }
}

/* Full, all let go, and full again: as much as before, about. */
static void full(void)
{
    bool logs = start_log("full.log", NULL, 1000000, 0) == 0;
    size_t first = 0;
    for (int round = 0; round < 3; round++) {
        fill_up();
        check_lists();
        struct memlog_memstats stats;
        memlog_read_memstats(&stats);
        check_identities(&stats);
        if (round == 0)
            first = stats.alloc;
        else
            MUST(stats.alloc >= first / 2);
        kept = NULL;
        memlog_gc();
    }
    threads();
    if (logs) {
        MUST(memlog_log_stop() == 0);
        judge_ended_log("full.log");
    }
}

/* ---- main ----------------------------------------------------------------------------------------------- */

/* Before any constructor, also the C library's: from here on calls count, or
 * descriptors are few. */
static void before_all(int count, char **arguments, char **environment)
{
    static const char files[] = "FAULTS_OPEN_FILES=";
    if (count > 1 && strcmp(arguments[count - 1], "start") == 0)
        count_faults(1);
    if (count > 2)
        syscall(SYS_write, STDOUT_FILENO, "begun\n", 6);
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, files, sizeof(files) - 1) != 0)
            continue;
        rlim_t most = strtoul(*environment + sizeof(files) - 1, NULL, 10);
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){ most, most });
    }
}
__attribute__((section(".preinit_array"), used)) static void (*const first_of_all)(int, char **,
                                                                                   char **) =
    before_all;

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    { "start", start },     { "heap", heap },       { "collect", collect },
    { "deep", on_deep_stacks }, { "release", release }, { "threads", threads },
    { "log", write_logs },  { "fork", have_children }, { "full", full },
};

static void forget_older_logs(void)
{
    static const char *const files[] = { "quiet.log",    "busy.log",   "capped.log",
                                         "capped.log.1", "family.log", "full.log" };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(files[i]);
}

int main(int count, char **arguments)
{
    faults_last = count > 2 && strcmp(arguments[1], "lasting") == 0;
    setenv("MEMLOG_CHILDREN", "1", 1);
    for (size_t i = 0; count > 1 && i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(arguments[count - 1], scenarios[i].name) != 0)
            continue;
        forget_older_logs();
        count_faults(1);
        scenarios[i].run();
        count_faults(0);
        check_statistics();
        return 0;
    }
    WRONG("usage: prog_faults [lasting] SCENARIO");
}
