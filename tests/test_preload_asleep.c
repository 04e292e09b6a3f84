/* SPDX-License-Identifier: MIT */
/* test_preload_asleep.c - a program that does not know of the collector sees nothing
 * of it; and a plug-in that does wakes it, while there is one thread. */
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "captured.h"
#include "memlog.h"
#include "preload_unit.h"

#pragma weak memlog_malloc
#pragma weak memlog_free
#pragma weak memlog_realloc
#pragma weak memlog_gc
#pragma weak memlog_set_gc_percent
#pragma weak memlog_set_memory_limit
#pragma weak memlog_usable_size
#pragma weak memlog_weak_create
#pragma weak memlog_weak_get
#pragma weak memlog_free_os_memory

static int count_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void churn(void)
{
    static void *objects[4000];
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < 4000; i++)
            objects[i] = memset(malloc(i * 5 + 1), 1, i * 5 + 1);
        for (size_t i = 0; i < 4000; i++)
            free(objects[i]);
    }
}

/* Asked of the kernel itself. */
static bool has_any_handler(void)
{
    char line[256];
    unsigned long long caught = 1;
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "SigCgt: %llx", &caught) == 1)
            break;
    fclose(status);
    return caught >> (34 - 1) != 0; /* all but check's own, and the C library's two */
}

START_TEST(nothing_is_to_be_seen_of_the_collector)
{
    churn();
    struct memlog_memstats stats = stats_now();
    struct memlog_extra extra = extra_now();
    ck_assert(!stats.enable_gc);
    ck_assert_uint_eq(stats.next_gc, INT64_MAX);
    ck_assert_uint_eq(stats.num_gc, 0);
    ck_assert_uint_eq(stats.pause_total_ns, 0);
    ck_assert_int_eq(extra.gc_percent, -1);
    ck_assert_int_eq(count_threads(), 1);
    ck_assert(!has_any_handler());
}
END_TEST

static void *own_argument(void *argument) { return argument; }

/* A thread is not wrapped: what the debugger sees at its bottom is the program's. */
static void *start_of_stack(void *place)
{
    *(void **)place = __builtin_return_address(0);
    return NULL;
}

START_TEST(threads_are_the_c_librarys)
{
    Dl_info info;
    void *caller = NULL, *result = NULL;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, start_of_stack, &caller), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_ne(dladdr(caller, &info), 0);
    ck_assert_msg(strstr(info.dli_fname, "libc.so") != NULL, "called by %s", info.dli_fname);
    ck_assert_int_eq(pthread_create(&thread, NULL, own_argument, &result), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_eq(result, &result);
}
END_TEST

START_TEST(every_signal_is_the_programs)
{
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        struct sigaction action = { .sa_handler = SIG_IGN }, old;
        if (signal == SIGKILL || signal == SIGSTOP || signal == 32 || signal == 33)
            continue;
        sigfillset(&action.sa_mask);
        ck_assert_msg(sigaction(signal, &action, &old) == 0, "signal %d", signal);
        ck_assert_int_eq(sigaction(signal, NULL, &action), 0);
        ck_assert_int_eq(sigismember(&action.sa_mask, SIGRTMAX - 1), 1);
        ck_assert_int_eq(sigaction(signal, &old, NULL), 0);
    }
    sigset_t all, now;
    sigfillset(&all);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, &all, NULL), 0);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &now), 0);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++)
        ck_assert_msg(sigismember(&now, signal) == 1, "signal %d is not blocked", signal);
}
END_TEST

static int compare(const void *a, const void *b)
{
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return x < y ? -1 : x > y;
}

/* An array of addresses on the heap is sorted without the collector. */
START_TEST(sorting_does_not_wake_it)
{
    enum { COUNT = 2000 };
    static void *objects[COUNT];
    for (int i = 0; i < COUNT; i++)
        objects[i] = malloc(100);
    qsort(objects, COUNT, sizeof(objects[0]), compare);
    for (int i = 0; i < COUNT; i++)
        free(objects[i]);
    ck_assert(!stats_now().enable_gc);
}
END_TEST

/* Garbage, from below: nothing of it is left on the stack. */
static __attribute__((noinline)) struct memlog_weak *make_garbage(int count)
{
    struct memlog_weak *weak = NULL;
    for (int i = 0; i < count; i++) {
        void **object = memlog_malloc(200);
        object[3] = weak;
        weak = i == 0 ? memlog_weak_create(object) : weak;
    }
    return weak;
}

/* What the stack may still hold of them is not all. */
enum { HUNG = 1000 };
static __attribute__((noinline)) void hang_objects(void **large, struct memlog_weak **weak)
{
    for (int i = 0; i < HUNG; i++) {
        large[5000 + i] = memlog_malloc(64);
        weak[i] = memlog_weak_create(large[5000 + i]);
    }
}

START_TEST(the_first_call_wakes_it)
{
    /* What only memory from malloc refers to is seen. */
    struct memlog_weak **weak = malloc(HUNG * sizeof(*weak));
    void ***plain = hide(malloc(sizeof(*plain)));
    *plain = memlog_malloc(64);
    (*plain)[0] = memlog_malloc(64);
    memset((*plain)[0], 0x42, 64);
    /* Not zero when it comes, and looked into all the same. */
    free(memset(hide(malloc(100000)), 0xff, 100000));
    void **large = hide(malloc(100000));
    hang_objects(large, weak);
    (void)make_garbage(20000);
    ck_assert(stats_now().enable_gc);
    memlog_gc();
    struct memlog_memstats stats = stats_now();
    ck_assert_uint_ge(stats.num_gc, 1);
    ck_assert_uint_ge(extra_now().frees_swept, 19000);
    ck_assert_int_eq(((char *)(*plain)[0])[63], 0x42);
    for (int i = 0; i < HUNG; i++)
        ck_assert_ptr_eq(memlog_weak_get(weak[i]), large[5000 + i]);
    ck_assert_uint_eq(memlog_usable_size((*plain)[0]), 64);
    free(plain);
    free(large);
    free(weak);
}
END_TEST

static void *collect_elsewhere(void *unused)
{
    void *volatile mine = memlog_malloc(100);
    for (int i = 0; i < 20; i++) {
        (void)make_garbage(2000);
        memlog_gc();
    }
    ck_assert_uint_ge(memlog_usable_size(mine), 100);
    return unused;
}

START_TEST(threads_are_known_once_it_is_awake)
{
    void *volatile first = memlog_malloc(100);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, collect_elsewhere, NULL), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_ge(memlog_usable_size(first), 100);
    ck_assert_uint_ge(stats_now().num_gc, 20);
}
END_TEST

/* Doors lead into one heap: what one gave the other takes. */
START_TEST(both_doors_lead_into_one_heap)
{
    free(hide(memlog_malloc(100)));
    memlog_free(hide(malloc(100)));
    char *object = memlog_malloc(300);
    ck_assert_uint_ge(malloc_usable_size(object), 300);
    object[299] = 7;
    object = hide(realloc(object, 3000));
    ck_assert_int_eq(object[299], 7);
    ck_assert_int_eq(object[2999], 0); /* it is the collected door's still: zero */
    memlog_free(object);
    object = hide(malloc(300));
    object[299] = 7;
    object = memlog_realloc(object, 3000);
    ck_assert_int_eq(object[299], 7);
    free(object);
}
END_TEST

static volatile bool stop;
static void *wait_for_stop(void *unused)
{
    while (!stop)
        usleep(1000);
    return unused;
}

START_TEST(with_threads_it_sleeps_on)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_stop, NULL), 0);
    capture_begin();
    char *object = memlog_malloc(100), *other = memlog_malloc(50000);
    const char *said = capture_end();
    ck_assert_msg(strstr(said, "nothing is collected") != NULL, "%s", said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
    ck_assert(object != NULL && other != NULL && object[99] == 0);
    struct memlog_weak *weak = make_garbage(100000);
    memlog_gc();
    memlog_free_os_memory();
    ck_assert_int_eq(memlog_set_gc_percent(50), -1);
    ck_assert_int_eq(memlog_set_memory_limit(1 << 20), INT64_MAX);
    struct memlog_memstats stats = stats_now();
    ck_assert_uint_eq(stats.num_gc, 0);
    ck_assert(!stats.enable_gc);
    ck_assert_uint_ge(stats.heap_objects, 100000);
    ck_assert_ptr_nonnull(memlog_weak_get(weak));
    ck_assert(!has_any_handler());
    memlog_free(object);
    memlog_free(other);
    stop = true;
    pthread_join(thread, NULL);
}
END_TEST

UNIT_MAIN("preload asleep", nothing_is_to_be_seen_of_the_collector, threads_are_the_c_librarys,
          every_signal_is_the_programs, sorting_does_not_wake_it, the_first_call_wakes_it,
          threads_are_known_once_it_is_awake, both_doors_lead_into_one_heap,
          with_threads_it_sleeps_on)
