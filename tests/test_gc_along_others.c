/* SPDX-License-Identifier: MIT */
/* test_gc_along_others.c - a mark that runs along, and who else is there:
 * threads, signals, libraries, children. */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "gc/helpers.h"
#include "gc_along_objects.h"
#include "os/clock.h"
#include "unit.h"

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

static uint32_t stored;
static sem_t has_stack;

static void store_in_handler(int signal)
{
    (void)signal;
    for (unsigned i = 0; i < in_hand_count; i++)
        old[i * 13] = reveal(in_hand[i]);
    __atomic_store_n(&stored, 1, __ATOMIC_RELEASE);
}

static void *wait_on_two_stacks(void *unused)
{
    stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 }, before;
    ck_assert_int_eq(sigaltstack(&stack, &before), 0);
    sem_post(&has_stack);
    while (!__atomic_load_n(&stored, __ATOMIC_ACQUIRE))
        usleep(1000);
    sigaltstack(&before, NULL); /* ASan's, which it frees */
    free(stack.ss_sp);
    return unused;
}

static pthread_t with_stack;

static void send_it(void)
{
    for (unsigned i = 0; i < 200; i++)
        in_hand[in_hand_count++] = hide(bear_known(80));
    ck_assert_int_eq(pthread_kill(with_stack, SIGUSR1), 0);
    pthread_join(with_stack, NULL);
}

START_TEST(a_handler_on_a_stack_of_its_own_stores_pointers)
{
    struct sigaction action = { .sa_handler = store_in_handler, .sa_flags = SA_ONSTACK };
    make_old();
    sem_init(&has_stack, 0, 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(pthread_create(&with_stack, NULL, wait_on_two_stacks, NULL), 0);
    while (sem_wait(&has_stack) != 0) {
    }
    cycle_with(send_it, _i);
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
    /* It has found out, and opens new ones. */
    uint64_t before = cycles_along();
    ml_gc_collect(ML_GC_STRESS);
    ck_assert_uint_eq(cycles_along(), before + 1);
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

/* ---- a handler in the thread that marks --------------------------------------------------- */

static void fork_in_handler(int signal)
{
    (void)signal;
    memlog_keep_alive(memlog_malloc(100));
    child = fork();
}

static void raise_a_signal(void)
{
    for (unsigned i = 0; i < 10; i++)
        old[SLOTS - 10 + i] = bear_known(72);
    raise(SIGUSR1);
}

START_TEST(a_handler_that_forks_in_the_middle)
{
    int status;
    make_old();
    signal(SIGUSR1, fork_in_handler);
    alarm(60); /* for parent and child, should they hang */
    cycle_with(raise_a_signal, _i);
    assert_born_whole();
    if (child == 0) {
        memset(along_do, 0, sizeof(along_do));
        _exit(live_on(1));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- a child the C library knows nothing of ------------------------------------------------ */

static void store_some(void)
{
    for (unsigned i = 0; i < 10; i++)
        old[SLOTS - 10 + i] = bear_known(72);
}

/* It has its parent's descriptors, which speak of its parent's memory. */
START_TEST(a_child_forked_past_the_c_library)
{
    int status;
    make_old();
    ck_assert(ml_dirty_is_available());
    pid_t raw = (pid_t)syscall(SYS_fork);
    if (raw == 0) {
        alarm(60);
        cycle_with(store_some, _i);
        for (unsigned i = 0; i < born_count; i++)
            if (!is_whole(born[i]))
                _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(raw, &status, 0), raw);
    ck_assert_int_eq(status, 0);
    cycle_with(store_some, _i);
    assert_born_whole();
}
END_TEST

UNIT_MAIN_TIMES("gc along others", ALONG_POINTS, threads_rewire_a_graph,
                threads_that_begin_and_end_hand_objects_over,
                a_handler_on_a_stack_of_its_own_stores_pointers, a_library_comes, a_library_goes,
                the_program_closes_what_it_did_not_open, a_fork_in_the_middle,
                a_handler_that_forks_in_the_middle, a_child_forked_past_the_c_library)
