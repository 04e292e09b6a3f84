/* SPDX-License-Identifier: MIT */
/* test_gc_along_limits.c - a mark that can't run along, or not to its end: a
 * thread does not answer, writes can't be tracked, there is no memory; and one
 * that allocation would outrun. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "captured.h"
#include "gc/helpers.h"
#include "gc/pacer.h"
#include "gc/stopworld.h"
#include "gc/trace.h"
#include "gc_along_objects.h"
#include "heap/central.h"
#include "os/clock.h"
#include "unit.h"

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
    const char *reason = _i == 2 ? "PAGEMAP_SCAN" : "userfaultfd";
    make_old();
    capture_begin();
    if (_i == 0)
        forbid(SYS_userfaultfd, 0, EPERM);
    else if (_i == 1)
        forbid(SYS_userfaultfd, 0, ENOSYS);
    else if (_i == 2)
        forbid(SYS_ioctl, (unsigned)PAGEMAP_SCAN_REQUEST, EPERM);
    else
        forbid_descriptors();
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

static uint32_t over;
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

/* Roots fill the stack before uncollectable objects are looked at, and these have
 * no marks by which what there was no room for could be found again. */
START_TEST(more_roots_than_a_mark_stack_holds)
{
    enum { MANY = 20000 };
    static void *volatile roots[MANY];
    for (unsigned i = 0; i < MANY; i++)
        roots[i] = memlog_malloc(16);
    void *volatile *holder = memlog_malloc_uncollectable(800);
    for (unsigned i = 0; i < 100; i++)
        holder[i] = bear_known(24);
    make_old();
    stack_is_full = true;
    cycle_with(clear_stack, _i);
    assert_born_whole();
    for (unsigned i = 0; i < MANY; i++)
        ck_assert(is_alive(hide(roots[i])));
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

UNIT_MAIN_TIMES("gc along limits", ALONG_POINTS, marks_of_a_cycle_that_failed_are_forgotten,
                where_writes_can_t_be_tracked_it_stops_and_says_so_once,
                a_mark_stack_that_can_t_grow, more_roots_than_a_mark_stack_holds, no_more_memory_during_a_cycle,
                allocation_does_not_outrun_a_mark)
