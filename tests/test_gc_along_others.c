/* SPDX-License-Identifier: MIT */
/* test_gc_along_others.c - a mark that runs along, and who else is there:
 * threads, signals, libraries, children; and what happens where it can't be
 * brought to its end. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "captured.h"
#include "gc/helpers.h"
#include "gc/pacer.h"
#include "gc/stopworld.h"
#include "gc/trace.h"
#include "gc_along.h"
#include "heap/central.h"
#include "os/clock.h"
#include "unit.h"

enum { SLOTS = 4000, MAGIC = 0x5ca1ab1e };

static void *volatile *old; /* reached from a root at the first stop */

static __attribute__((noinline)) hidden_t bear(size_t bytes)
{
    uint64_t *object = memlog_malloc(bytes);
    ck_assert_ptr_nonnull(object);
    object[0] = MAGIC;
    return hide(object);
}

static bool is_whole(hidden_t hidden)
{
    return is_alive(hidden) && *(uint64_t *)reveal(hidden) == MAGIC;
}

static hidden_t born[SLOTS];
static unsigned born_count;

static __attribute__((noinline)) void *bear_known(size_t bytes)
{
    born[born_count] = bear(bytes);
    return reveal(born[born_count++]);
}

static void assert_born_whole(void)
{
    for (unsigned i = 0; i < born_count; i++)
        ck_assert_msg(is_whole(born[i]), "%u of %u", i, born_count);
    assert_whole();
}

static void (*act)(void);
static bool acted;

static void act_once(void)
{
    if (acted)
        return;
    acted = true;
    act();
    clear_stack();
}

static void cycle_with(void (*what)(void), int point)
{
    acted = false;
    act = what;
    along_do[point] = act_once;
    collect_along();
    along_do[point] = NULL;
    ck_assert(acted);
}

static void collect_stopped(void)
{
    ml_gc_stops = true;
    collect();
    ml_gc_stops = false;
}

static void make_old(void)
{
    old = memlog_malloc(SLOTS * sizeof(*old));
    for (unsigned i = 0; i < SLOTS / 2; i++)
        old[i] = reveal(bear(64));
}

/* ---- threads that rewire ---------------------------------------------------------- */

enum { REWIRERS = 3, NODES = 3000, FIELDS = 6 };

struct node {
    struct node *field[FIELDS];
    uint64_t magic;
    uint64_t ballast[];
};

struct graph {
    struct node **table; /* NODES */
    unsigned seed;
};

static uint32_t over;

static struct node *new_node(unsigned random)
{
    struct node *node = memlog_malloc(sizeof(*node) + random % 4000);
    node->magic = MAGIC ^ (uintptr_t)node;
    return node;
}

static void check(const struct node *node) { ck_assert_uint_eq(node->magic, MAGIC ^ (uintptr_t)node); }

/* Each node hangs in the table or in one field of another one. The pointer is
 * moved, and is for a while in a register or in no word at all. */
static void *rewire(void *argument)
{
    struct graph *graph = argument;
    unsigned random = graph->seed;
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        random = random * 1664525 + 1013904223;
        unsigned from = random / 64 % NODES, to = random / 8192 % NODES, field = random / 1024 % FIELDS;
        struct node *target = graph->table[to];
        check(target);
        if (target->field[field] != NULL) { /* out of it, into the table; what was there goes */
            struct node *node = target->field[field];
            target->field[field] = NULL;
            check(node);
            if (random % 3 == 0 && node != target)
                memset(node->field, 0, sizeof(node->field));
            graph->table[from] = node;
        } else if (from != to) { /* out of the table, into it; a new one there */
            hidden_t hidden = hide(graph->table[from]);
            graph->table[from] = new_node(random >> 7);
            struct node *node = reveal(hidden);
            check(node);
            if (random % 5 == 0)
                memset(node->field, 0, sizeof(node->field));
            target->field[field] = node;
        }
        if (random % 512 == 0)
            usleep(100);
    }
    for (unsigned i = 0; i < NODES; i++)
        check(graph->table[i]);
    return NULL;
}

static const unsigned helper_counts[] = { 1, 2, 3, 0 };

START_TEST(threads_rewire_a_graph)
{
    pthread_t threads[REWIRERS];
    struct graph *graphs[REWIRERS];
    ml_helpers_forced = helper_counts[_i];
    memlog_set_gc_percent(60);
    for (unsigned t = 0; t < REWIRERS; t++) {
        graphs[t] = memlog_malloc(sizeof(*graphs[t]));
        graphs[t]->table = memlog_malloc(NODES * sizeof(struct node *));
        graphs[t]->seed = t * 77 + (unsigned)_i;
        for (unsigned i = 0; i < NODES; i++)
            graphs[t]->table[i] = new_node(i * 7919);
        ck_assert_int_eq(pthread_create(&threads[t], NULL, rewire, graphs[t]), 0);
    }
    uint64_t begin = ml_os_monotonic_ns(), cycles = cycles_along();
    while (ml_os_monotonic_ns() - begin < ML_NS_PER_SECOND / 2 || cycles_along() < cycles + 3)
        memlog_gc();
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    for (unsigned t = 0; t < REWIRERS; t++)
        pthread_join(threads[t], NULL);
    assert_whole();
}
END_TEST

/* ---- threads that come and go -------------------------------------------------------- */

static void *answer(void *argument)
{
    ck_assert_uint_eq(*(uint64_t *)argument, MAGIC);
    return reveal(bear(100));
}

static pthread_t answering[5];

static void start_threads(void)
{
    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(pthread_create(&answering[i], NULL, answer, bear_known(64)), 0);
    usleep(2000);
}

/* The argument goes into the new thread, and its result is nowhere but there. */
START_TEST(threads_that_begin_and_end_hand_objects_over)
{
    make_old();
    cycle_with(start_threads, _i);
    for (unsigned i = 0; i < 5; i++) {
        void *result;
        pthread_join(answering[i], &result);
        ck_assert_uint_eq(*(uint64_t *)result, MAGIC);
    }
    assert_whole();
}
END_TEST

/* ---- signals -------------------------------------------------------------------------- */

static hidden_t in_hand[200];
static unsigned in_hand_count;

static void store_in_handler(int signal)
{
    (void)signal;
    for (unsigned i = 0; i < in_hand_count; i++)
        old[i * 13] = reveal(in_hand[i]);
}

static void raise_it(void)
{
    for (unsigned i = 0; i < 200; i++)
        in_hand[in_hand_count++] = hide(bear_known(80));
    raise(SIGUSR1);
}

START_TEST(a_handler_on_a_stack_of_its_own_stores_pointers)
{
    stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };
    struct sigaction action = { .sa_handler = store_in_handler, .sa_flags = SA_ONSTACK };
    make_old();
    ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    cycle_with(raise_it, _i);
    assert_born_whole();
    collect_stopped();
    assert_born_whole();
}
END_TEST

/* ---- libraries, mappings, descriptors ----------------------------------------------------- */

static void *library;

static void load_library(void)
{
    library = dlopen(LIBRARIES "/library_roots.so", RTLD_NOW);
    ck_assert_msg(library != NULL, "%s", dlerror());
    void **(*data)(void) = (void **(*)(void))dlsym(library, "library_data");
    void **(*tls)(void) = (void **(*)(void))dlsym(library, "library_tls");
    for (unsigned i = 1; i < 50; i++) {
        data()[i] = bear_known(64);
        tls()[i] = bear_known(64);
    }
}

START_TEST(a_library_comes)
{
    make_old();
    cycle_with(load_library, _i);
    assert_born_whole();
}
END_TEST

static void unload_library(void)
{
    ck_assert_int_eq(dlclose(library), 0);
    void **more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    more = mremap(more, 1 << 20, 4 << 20, MREMAP_MAYMOVE);
    ck_assert_int_eq(munmap(more, 4 << 20), 0);
    for (unsigned i = 0; i < 100; i++)
        old[i * 30] = bear_known(64);
}

START_TEST(a_library_goes)
{
    make_old();
    load_library();
    born_count = 0;
    cycle_with(unload_library, _i);
    assert_born_whole();
}
END_TEST

/* Of memlog's descriptors for tracking writes. */
static unsigned each_descriptor(bool close_them)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char target[100];
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
        target[length < 0 ? 0 : length] = '\0';
        if (strstr(target, "userfaultfd") == NULL && strstr(target, "pagemap") == NULL)
            continue;
        count++;
        if (close_them)
            close(atoi(entry->d_name));
    }
    closedir(directory);
    return count;
}

static void close_descriptors(void)
{
    ck_assert_uint_eq(each_descriptor(true), 2);
    for (unsigned i = 0; i < 100; i++)
        old[i * 30] = bear_known(64);
}

/* As daemons do. */
START_TEST(the_program_closes_what_it_did_not_open)
{
    make_old();
    collect_along();
    along_do[_i] = act_once;
    act = close_descriptors;
    ml_gc_collect(ML_GC_STRESS);
    along_do[_i] = NULL;
    ck_assert(acted);
    assert_born_whole();
    for (unsigned i = 0; i < 100; i++)
        old[i * 30 + 1] = bear_known(64);
    ml_gc_collect(ML_GC_STRESS);
    assert_born_whole();
}
END_TEST

/* ---- children ------------------------------------------------------------------------------ */

static sem_t fork_now, forked;
static pid_t child;

static int live_on(unsigned depth)
{
    if (each_descriptor(false) != 0)
        return 2;
    for (unsigned i = 0; i < SLOTS / 2; i++)
        if (((uint64_t *)old[i])[0] != MAGIC)
            return 3;
    if (ml_heap_audit() != NULL)
        return 4;
    for (unsigned round = 0; round < 4; round++) {
        ml_gc_stops = round == 2;
        for (unsigned i = SLOTS / 2; i < SLOTS; i++) {
            old[i] = reveal(bear(i % 300 * 8 + 8));
            if (i % 3 == 0)
                memlog_free(old[i - 1]), old[i - 1] = NULL;
        }
        ml_gc_collect(ML_GC_STRESS);
        for (unsigned i = 0; i < SLOTS; i++)
            if (old[i] != NULL && !is_whole(hide(old[i])))
                return 5;
        if (ml_heap_audit() != NULL)
            return 6;
    }
    if (depth == 0)
        return 0;
    pid_t grandchild = fork();
    if (grandchild == 0)
        _exit(live_on(depth - 1));
    int status;
    waitpid(grandchild, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) * 10 : 1;
}

static void *forker(void *unused)
{
    for (;;) {
        sem_wait(&fork_now);
        if (__atomic_load_n(&over, __ATOMIC_RELAXED))
            return unused;
        child = fork();
        if (child == 0) {
            memset(along_do, 0, sizeof(along_do));
            _exit(live_on(1));
        }
        sem_post(&forked);
    }
}

static void fork_and_store(void)
{
    sem_post(&fork_now);
    while (sem_wait(&forked) != 0) {
    }
    ck_assert_int_gt(child, 0);
    for (unsigned i = 0; i < 10; i++)
        old[SLOTS - 10 + i] = bear_known(72);
}

START_TEST(a_fork_in_the_middle)
{
    pthread_t thread;
    sem_init(&fork_now, 0, 0);
    sem_init(&forked, 0, 0);
    make_old();
    ck_assert_int_eq(pthread_create(&thread, NULL, forker, NULL), 0);
    for (unsigned i = 0; i < 5; i++) {
        int status;
        born_count = 0;
        cycle_with(fork_and_store, _i);
        assert_born_whole();
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status), "killed by %d", WTERMSIG(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    sem_post(&fork_now);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- a thread that does not answer ------------------------------------------------------------ */

static sem_t block_now, unblock_now, blocked;

static void *deaf(void *unused)
{
    uint64_t all = ~(uint64_t)0, before;
    sem_wait(&block_now);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
    sem_post(&blocked);
    while (sem_wait(&unblock_now) != 0) {
    }
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(all));
    sem_post(&blocked);
    return unused;
}

static void go_deaf(void)
{
    sem_post(&block_now);
    while (sem_wait(&blocked) != 0) {
    }
}

/* Objects that were marked then and have changed since are looked at again;
 * those that are dead now go. */
START_TEST(marks_of_a_cycle_that_failed_are_forgotten)
{
    static hidden_t dead[OBJECTS];
    pthread_t thread;
    sem_init(&block_now, 0, 0), sem_init(&unblock_now, 0, 0), sem_init(&blocked, 0, 0);
    make_old();
    for (unsigned i = 0; i < OBJECTS; i++)
        old[SLOTS - 1 - i] = reveal(dead[i] = bear(48));
    ck_assert_int_eq(pthread_create(&thread, NULL, deaf, NULL), 0);
    usleep(1000);
    ml_stopworld_patience_ns = 100 * (uint64_t)ML_NS_PER_MS;
    uint64_t before = cycles_along();
    along_do[_i] = act_once;
    act = go_deaf;
    capture_begin();
    ml_gc_collect(ML_GC_STRESS);
    ck_assert_ptr_nonnull(strstr(capture_end(), "does not answer"));
    along_do[_i] = NULL;
    ck_assert_uint_eq(cycles_along(), before);
    sem_post(&unblock_now);
    while (sem_wait(&blocked) != 0) {
    }
    ml_stopworld_patience_ns = 10 * (uint64_t)ML_NS_PER_SECOND;
    for (unsigned i = 0; i < OBJECTS; i++) {
        old[SLOTS - 1 - i] = NULL;
        ((void *volatile *)old[i])[1] = bear_known(56);
    }
    collect_stopped();
    assert_born_whole();
    assert_nearly_all_gone(dead, OBJECTS);
    collect_along();
    assert_born_whole();
    pthread_join(thread, NULL);
}
END_TEST

/* ---- where it can't be ---------------------------------------------------------------------- */

#define PAGEMAP_SCAN_REQUEST _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 96)

static void forbid(unsigned call, unsigned request, unsigned result)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, request, 0, request == 0 ? 0 : 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | result),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void forbid_descriptors(void)
{
    struct rlimit none = { 3, 3 };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
}

START_TEST(where_writes_can_t_be_tracked_it_stops_and_says_so_once)
{
    const char *reason = NULL;
    make_old();
    capture_begin();
    switch (_i) {
    case 0: forbid(SYS_userfaultfd, 0, EPERM), reason = "userfaultfd"; break;
    case 1: forbid(SYS_ioctl, (unsigned)PAGEMAP_SCAN_REQUEST, EPERM), reason = "PAGEMAP_SCAN"; break;
    case 2: forbid_descriptors(), reason = "userfaultfd"; break;
    default: forbid(SYS_userfaultfd, 0, ENOSYS), reason = "userfaultfd"; break;
    }
    ml_trace_on = true;
    uint64_t before = cycles_along();
    for (unsigned i = 0; i < 3; i++) {
        old[i + 100] = bear_known(88);
        ml_gc_collect(ML_GC_STRESS);
    }
    char *text = strdup(capture_end());
    ck_assert_uint_eq(cycles_along(), before);
    char *line = strstr(text, "collections stop the program");
    ck_assert_msg(line != NULL, "%s", text);
    ck_assert_msg(strstr(line, reason) != NULL, "%s", text);
    ck_assert_msg(strstr(line + 1, "collections stop the program") == NULL, "%s", text);
    assert_born_whole();
}
END_TEST

/* ---- not enough memory ---------------------------------------------------------------------- */

static bool stack_is_full;

bool __real_ml_markstack_grow(struct ml_mark_stack *stack);
bool __wrap_ml_markstack_grow(struct ml_mark_stack *stack);
bool __wrap_ml_markstack_grow(struct ml_mark_stack *stack)
{
    return !stack_is_full && __real_ml_markstack_grow(stack);
}

static void store_much(void)
{
    for (unsigned i = 0; i < 1000; i++) {
        void *volatile *array = bear_known(8000);
        for (unsigned j = 1; j < 1000; j++)
            array[j] = (void *)old;
        array[500] = reveal(bear(32));
        old[i] = (void *)array;
    }
}

START_TEST(a_mark_stack_that_can_t_grow)
{
    old = memlog_malloc(SLOTS * sizeof(*old));
    ml_helpers_forced = 1 + (unsigned)_i % 2;
    stack_is_full = true;
    cycle_with(store_much, _i);
    assert_born_whole();
    born_count = 0;
    cycle_with(store_much, _i);
    assert_born_whole();
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(is_whole(hide(((void **)old[i])[500])));
}
END_TEST

static void *collect_for_ever(void *unused)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        ml_gc_collect(ML_GC_STRESS);
        usleep(100);
    }
    return unused;
}

/* Each is known from one slot, so that a stale word keeps no more than one. */
static __attribute__((noinline)) unsigned allocate_all_there_is(void)
{
    unsigned count = 0;
    for (uint64_t *object; (object = memlog_malloc(3000)) != NULL; count++) {
        ck_assert_uint_lt(count, SLOTS);
        object[0] = MAGIC;
        old[count] = object;
    }
    ck_assert_int_eq(errno, ENOMEM);
    for (unsigned i = 0; i < count; i++)
        ck_assert_uint_eq(*(uint64_t *)old[i], MAGIC);
    return count;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* whose shadows need more */
START_TEST(no_more_memory_during_a_cycle)
{
    pthread_t thread;
    struct rlimit limit;
    old = memlog_malloc(SLOTS * sizeof(*old));
    memlog_set_gc_percent(50);
    ck_assert_int_eq(pthread_create(&thread, NULL, collect_for_ever, NULL), 0);
    usleep(10000);
    limit.rlim_cur = limit.rlim_max = 1;
    ck_assert_int_eq(setrlimit(RLIMIT_DATA, &limit), 0);
    unsigned first = allocate_all_there_is();
    for (unsigned round = 0; round < 3; round++) {
        memset((void *)old, 0, SLOTS * sizeof(*old));
        clear_stack();
        ck_assert_uint_gt(allocate_all_there_is(), first / 2);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_whole();
}
END_TEST
#else
START_TEST(no_more_memory_during_a_cycle) {}
END_TEST
#endif

/* ---- who allocates as fast as he can ------------------------------------------------------------ */

enum { MIB = 1 << 20, LIVE_MIB = 24 };

static uint64_t most_above; /* percent of the goal, since the last cycle began */

static void *allocate_fast(void *unused)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        for (unsigned i = 0; i < 100; i++)
            memlog_keep_alive(memlog_malloc(200));
        /* The goal first: at a cycle's end it becomes less after what is taken. */
        uint64_t goal = ml_pacer_goal(), taken = ml_heap_taken_bytes();
        uint64_t percent = goal == ml_pacer_goal() ? taken * 100 / goal : 0;
        if (percent > __atomic_load_n(&most_above, __ATOMIC_RELAXED))
            __atomic_store_n(&most_above, percent, __ATOMIC_RELAXED);
    }
    return unused;
}

static unsigned early;   /* cycles that began before the goal */
static unsigned outrun;  /* cycles during which it was passed: on a busy machine one
                          * may take longer than anybody waits */

static void note_begin(void)
{
    outrun += __atomic_exchange_n(&most_above, 0, __ATOMIC_RELAXED) > 115;
    uint64_t goal = ml_pacer_goal();
    early += ml_heap_taken_bytes() < goal - goal / 32;
}

START_TEST(allocation_does_not_outrun_a_mark)
{
    pthread_t threads[2];
    if (_i > 1)
        return;
    ml_verify_on = false; /* it takes longer than anybody waits */
    old = memlog_malloc(LIVE_MIB * 1024 * sizeof(*old));
    for (unsigned i = 0; i < LIVE_MIB * 1024; i++) {
        void **array = memlog_malloc(1024);
        for (unsigned j = 0; j < 128 && i > 0; j++)
            array[j] = old[(i * 31 + j * 17) % i];
        old[i] = array;
    }
    memlog_set_gc_percent(50 + 50 * _i);
    memlog_gc();
    uint64_t before = cycles_along();
    along_do[ARMING] = note_begin;
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, allocate_fast, NULL);
    uint64_t begin = ml_os_monotonic_ns();
    while (cycles_along() < before + 5 && ml_os_monotonic_ns() - begin < 60 * (uint64_t)ML_NS_PER_SECOND)
        usleep(1000);
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_ge(cycles_along(), before + 5);
    ck_assert_uint_le(outrun, along_count[ARMING] / 2);
    ck_assert_uint_ge(early, 1); /* there is room for allocation while a cycle runs */
    assert_whole();
}
END_TEST

UNIT_MAIN_TIMES("gc along others", ALONG_POINTS, threads_rewire_a_graph,
                threads_that_begin_and_end_hand_objects_over,
                a_handler_on_a_stack_of_its_own_stores_pointers, a_library_comes, a_library_goes,
                the_program_closes_what_it_did_not_open, a_fork_in_the_middle,
                marks_of_a_cycle_that_failed_are_forgotten,
                where_writes_can_t_be_tracked_it_stops_and_says_so_once,
                a_mark_stack_that_can_t_grow, no_more_memory_during_a_cycle,
                allocation_does_not_outrun_a_mark)
