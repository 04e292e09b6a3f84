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
#include <time.h>

#include "fault_items.h"
#include "fault_marker.h"
#include "prog_faults.h"

#define IDENTITY_BROKEN WRONG
#include "identities.h"

#ifdef WITH_AUDIT /* linked with the floors, whose names the library hides */
#include "heap/audit.h"
#endif

bool faults_last;

/* ---- after the faults --------------------------------------------------------- */

void check_statistics(void)
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

void sleep_us(long us)
{
    struct timespec span = { 0, us * 1000 };
    nanosleep(&span, NULL);
}

/* ---- the heap ------------------------------------------------------------------- */

struct item *kept;
static struct item *uncollectable;

void build(void)
{
    static const size_t sizes[] = { 0, 40, 100, 500, 2000, 9000, 30000, 40000, 70000, 300000 };
    for (size_t i = 0; i < 4 * sizeof(sizes) / sizeof(sizes[0]); i++)
        kept = push(kept, (enum item_kind)(i % 2 == 0 ? SCANNED : ALIGNED), sizes[i / 4]);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        uncollectable = push(uncollectable, UNCOLLECTABLE, sizes[i]);
    /* More than the heap grows by when it is small. */
    kept = push(kept, SCANNED, 2000000);
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

void check_lists(void)
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

/* A comb: each node refers to many leaves, and, last, to the next node, where
 * the marker goes on first. So many leaves wait then that its first stack does
 * not hold them. */
enum { NODES = 600, LEAVES = 63 };

struct node {
    struct item *leaves[LEAVES];
    struct node *next;
};
static struct node *comb;

static void build_comb(void)
{
    for (size_t i = 0; i < NODES; i++) {
        struct node *node = allocate(SCANNED, sizeof(*node));
        for (size_t leaf = 0; node != NULL && leaf < LEAVES; leaf++)
            node->leaves[leaf] = push(NULL, NOSCAN, 8);
        if (node == NULL)
            return;
        node->next = comb;
        comb = node;
    }
}

static void check_comb(void)
{
    for (const struct node *node = comb; node != NULL; node = node->next)
        for (size_t leaf = 0; leaf < LEAVES; leaf++)
            MUST(check_list(node->leaves[leaf]) == 1 || faults_last);
}

/* Garbage of all sizes, which takes the place of what was freed. */
static void make_garbage(void)
{
    static const size_t sizes[] = { 8, 100, 1000, 10000, 50000 };
    for (size_t i = 0; i < 400; i++)
        (void)push(NULL, i / 5 % 2 == 0 ? SCANNED : NOSCAN, sizes[i % 5]);
}

static uint32_t forced_collections(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats.num_forced_gc;
}

static void collect(void)
{
    build();
    build_comb();
    for (int round = 0; round < 3; round++) {
        make_garbage();
        memlog_gc();
        check_lists();
        check_comb();
    }
    MUST(forced_collections() == 3);
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
    uint64_t seeds[] = { mine->seed, mine->next->seed };
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE))
        sleep_us(200);
    MUST(check_list(mine) == 2 && mine->seed == seeds[0] && mine->next->seed == seeds[1]);
    for (int i = 0; i < 20; i++)
        mine = push(mine, i % 2 == 0 ? SCANNED : ALIGNED, (size_t)i * 100);
    memlog_gc();
    check_list(mine);
    return mine;
}

/* What older calls left on the stack keeps nothing alive. */
static __attribute__((noinline)) void clear_stack(void)
{
    volatile char room[16384];
    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = 0;
}

static __attribute__((noinline)) bool start_thread(pthread_t *thread)
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

void threads(void)
{
    pthread_t thread[THREADS];
    uint32_t started = 0;
    ready = go_on = 0;
    while (started < THREADS && start_thread(&thread[started]))
        started++;
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < started)
        sleep_us(200);
    uint32_t before = forced_collections();
    clear_stack();
    memlog_gc();
    make_garbage();
    __atomic_store_n(&go_on, 1, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < started; i++) {
        void *result = NULL;
        MUST(pthread_join(thread[i], &result) == 0);
        memlog_gc();
        MUST(check_list(result) >= (faults_last ? 0 : 22));
    }
    MUST(faults_last || forced_collections() == before + 1 + 2 * started);
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
