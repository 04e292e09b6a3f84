/* SPDX-License-Identifier: MIT */
/* test_os_thread.c - who a thread is, and memlog's own threads.
 *
 * This program puts its own pthread_create and pthread_join before the C
 * library's, as libmemlog does, and has a thread-local variable that a stack
 * of memlog's usual size could not hold. */
#include "os/thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/segments.h"
#include "os_gate.h"
#include "unit.h"

enum { LARGE_TLS_BYTES = 300 * 1024 };
static _Thread_local char large_tls[LARGE_TLS_BYTES];

/* --- what a program's threads go through ---------------------------------- */

static unsigned interposed_creates;
static unsigned interposed_joins;

int pthread_create(pthread_t *handle, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    int (*behind)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        dlsym(RTLD_NEXT, "pthread_create");
    interposed_creates++;
    return behind(handle, attributes, run, argument);
}

int pthread_join(pthread_t handle, void **result)
{
    int (*behind)(pthread_t, void **) = dlsym(RTLD_NEXT, "pthread_join");
    interposed_joins++;
    return behind(handle, result);
}

/* --- who we are, whom we signal ------------------------------------------------ */

START_TEST(ids_are_right_after_a_fork_and_in_a_thread)
{
    ck_assert_int_eq(ml_os_pid(), getpid());
    ck_assert_int_eq(ml_os_tid(), getpid());
    pid_t parent = ml_os_pid();
    pid_t child = fork();
    if (child == 0)
        _exit(ml_os_pid() != parent && ml_os_pid() == ml_os_tid() && ml_os_pid() == getpid() ? 0
                                                                                            : 1);
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

static volatile pid_t signalled_tid;

static void note_signal(int number)
{
    (void)number;
    signalled_tid = ml_os_tid();
}

static void *signal_own_thread(void *argument)
{
    int result = ml_os_signal_thread(ml_os_pid(), ml_os_tid(), SIGUSR1);
    *(pid_t *)argument = ml_os_tid();
    /* Sanitizers hand signals on at a call into the C library only. */
    for (int i = 0; i < 1000 && signalled_tid == 0; i++)
        usleep(1000);
    return (void *)(intptr_t)result;
}

START_TEST(a_signal_reaches_the_thread_it_is_for)
{
    signal(SIGUSR1, note_signal);
    pthread_t thread;
    pid_t tid = 0;
    void *result;
    pthread_create(&thread, NULL, signal_own_thread, &tid);
    pthread_join(thread, &result);
    ck_assert_ptr_null(result);
    ck_assert_int_ne(tid, ml_os_tid());
    ck_assert_int_eq(signalled_tid, tid);
}
END_TEST

START_TEST(signalling_a_thread_that_is_gone_says_so)
{
    errno = EDOM;
    ck_assert_int_eq(ml_os_signal_thread(ml_os_pid(), 0x3fffffff, 0), -ESRCH);
    ck_assert_int_eq(ml_os_signal_thread(ml_os_pid(), ml_os_tid(), 0), 0);
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

START_TEST(cpus_are_those_the_process_may_run_on)
{
    cpu_set_t allowed;
    ck_assert_int_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    ck_assert_uint_eq(ml_os_online_cpus(), (unsigned)CPU_COUNT(&allowed));
    int one = 0;
    while (!CPU_ISSET(one, &allowed))
        one++;
    CPU_ZERO(&allowed);
    CPU_SET(one, &allowed);
    ck_assert_int_eq(sched_setaffinity(0, sizeof(allowed), &allowed), 0);
    ck_assert_uint_eq(ml_os_online_cpus(), 1);
}
END_TEST

/* --- own threads ------------------------------------------------------------------- */

struct observation {
    sigset_t mask;
    char name[16];
    uintptr_t frame;
    pid_t tid;
};

static void observe(void *argument)
{
    struct observation *seen = argument;
    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    prctl(PR_GET_NAME, seen->name);
    seen->frame = (uintptr_t)__builtin_frame_address(0);
    seen->tid = ml_os_tid();
}

static void count_own_cpus(void *argument)
{
    cpu_set_t mine;
    sched_getaffinity(0, sizeof(mine), &mine);
    *(int *)argument = CPU_COUNT(&mine);
}

/* A thread that the program has bound to one CPU starts one of memlog's. */
static void *start_from_one_cpu(void *argument)
{
    cpu_set_t one;
    struct ml_os_thread thread;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof(one), &one);
    ck_assert_int_eq(ml_os_thread_start(&thread, "test", count_own_cpus, argument), 0);
    ml_os_thread_join(&thread);
    return NULL;
}

START_TEST(own_thread_runs_where_the_process_may)
{
    cpu_set_t allowed;
    pthread_t starter;
    int cpus = 0;
    ck_assert_int_eq(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    ck_assert_int_eq(pthread_create(&starter, NULL, start_from_one_cpu, &cpus), 0);
    pthread_join(starter, NULL);
    ck_assert_int_eq(cpus, CPU_COUNT(&allowed));
}
END_TEST

static void *lower_own_priority(void *was_first)
{
    ((bool *)was_first)[0] = ml_os_is_scheduled_as_first();
    setpriority(PRIO_PROCESS, (id_t)ml_os_tid(), getpriority(PRIO_PROCESS, 0) + 1);
    ((bool *)was_first)[1] = ml_os_is_scheduled_as_first();
    return NULL;
}

START_TEST(a_thread_of_another_priority_is_known)
{
    bool was_first[2] = { false, true };
    pthread_t thread;
    ck_assert(ml_os_is_scheduled_as_first());
    ck_assert_int_eq(pthread_create(&thread, NULL, lower_own_priority, was_first), 0);
    pthread_join(thread, NULL);
    ck_assert(was_first[0]);
    ck_assert(!was_first[1]);
}
END_TEST

START_TEST(own_thread_blocks_every_signal)
{
    struct ml_os_thread thread;
    struct observation seen = { .tid = 0 };
    sigset_t before, after;
    sigprocmask(SIG_SETMASK, NULL, &before);
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", observe, &seen), 0);
    sigprocmask(SIG_SETMASK, NULL, &after);
    ml_os_thread_join(&thread);
    for (int number = 1; number <= SIGRTMAX; number++) {
        /* SIGKILL and SIGSTOP cannot be blocked; those below SIGRTMIN are the C library's own. */
        if (number != SIGKILL && number != SIGSTOP && (number <= 31 || number >= SIGRTMIN))
            ck_assert_msg(sigismember(&seen.mask, number), "signal %d is not blocked", number);
        ck_assert_int_eq(sigismember(&before, number), sigismember(&after, number));
    }
    ck_assert_int_ne(seen.tid, ml_os_tid());
}
END_TEST

static uint32_t waits;

static void wait_in_own_thread(void *argument)
{
    __atomic_store_n(&waits, 1, __ATOMIC_RELEASE);
    wait_for_gate(argument);
}

START_TEST(changing_the_user_id_does_not_wait_for_own_threads)
{
    /* The C library sends every thread a signal for it and waits for each. */
    struct ml_os_thread thread;
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", wait_in_own_thread, NULL), 0);
    alarm(20);
    ck_assert_int_eq(setuid(getuid()), 0);
    alarm(0);
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    ml_os_futex_wake(&gate, 1);
    ml_os_thread_join(&thread);
}
END_TEST

START_TEST(own_thread_has_its_name)
{
    struct ml_os_thread thread;
    struct observation seen = { .tid = 0 };
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", observe, &seen), 0);
    ml_os_thread_join(&thread);
    ck_assert_str_eq(seen.name, "memlog test");
}
END_TEST

START_TEST(own_thread_runs_on_a_counted_stack_with_a_guard)
{
    struct ml_os_thread thread;
    struct observation seen = { .tid = 0 };
    ck_assert_uint_eq(ml_os_thread_stack_bytes(), 0);
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", observe, &seen), 0);
    uintptr_t low = (uintptr_t)thread.stack;
    size_t bytes = thread.stack_bytes;
    uintptr_t begin, end;
    ck_assert_uint_eq(ml_os_thread_stack_bytes(), bytes);
    ck_assert(ml_os_mapping_around(low, &begin, &end));
    ck_assert_uint_eq(begin, low);
    ck_assert(!ml_os_mapping_around(low - 1, &begin, &end));
    ml_os_thread_join(&thread);
    ck_assert_uint_ge(seen.frame, low);
    ck_assert_uint_lt(seen.frame, low + bytes);
    ck_assert_uint_eq(ml_os_thread_stack_bytes(), 0);
    ck_assert_ptr_null(thread.stack);
}
END_TEST

/* Uses more stack than a fixed 256 KiB would leave beside large_tls. */
static void use_stack_and_tls(void *argument)
{
    char bytes[128 * 1024];
    memset(bytes, 1, sizeof(bytes));
    memset(large_tls, 1, sizeof(large_tls));
    __asm__ volatile("" : : "r"(bytes), "r"(large_tls) : "memory");
    *(bool *)argument = true;
}

START_TEST(own_stack_has_room_beside_a_large_thread_local_block)
{
    struct ml_os_thread thread;
    bool done = false;
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", use_stack_and_tls, &done), 0);
    ck_assert_ptr_nonnull(thread.stack);
    ml_os_thread_join(&thread);
    ck_assert(done);
}
END_TEST

START_TEST(own_threads_pass_by_the_programs_pthread_create)
{
    struct ml_os_thread thread;
    struct observation seen = { .tid = 0 };
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", observe, &seen), 0);
    ml_os_thread_join(&thread);
    ck_assert_uint_eq(interposed_creates, 0);
    ck_assert_uint_eq(interposed_joins, 0);
}
END_TEST

START_TEST(many_own_threads_come_and_go)
{
    enum { THREADS = 16 };
    struct ml_os_thread threads[THREADS];
    struct observation seen[THREADS];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < THREADS; i++)
            ck_assert_int_eq(ml_os_thread_start(&threads[i], "memlog test", observe, &seen[i]), 0);
        ck_assert_uint_eq(ml_os_thread_stack_bytes(), THREADS * threads[0].stack_bytes);
        for (int i = 0; i < THREADS; i++)
            ml_os_thread_join(&threads[i]);
    }
    ck_assert_uint_eq(ml_os_thread_stack_bytes(), 0);
}
END_TEST

static bool forget_and_start_again(struct ml_os_thread *thread)
{
    uintptr_t low = (uintptr_t)thread->stack;
    uintptr_t begin, end;
    ml_os_thread_forget(thread);
    if (ml_os_thread_stack_bytes() != 0 || ml_os_mapping_around(low, &begin, &end))
        return false;
#ifndef __SANITIZE_THREAD__ /* which refuses threads in such a child */
    struct observation seen = { .tid = 0 };
    if (ml_os_thread_start(thread, "memlog test", observe, &seen) != 0)
        return false;
    ml_os_thread_join(thread);
    return seen.tid != 0 && ml_os_thread_stack_bytes() == 0;
#else
    return true;
#endif
}

START_TEST(a_forked_child_gives_the_stack_back)
{
    struct ml_os_thread thread;
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", wait_in_own_thread, NULL), 0);
    /* AddressSanitizer has a lock while a thread begins, and a child of that moment never does. */
    while (!__atomic_load_n(&waits, __ATOMIC_ACQUIRE))
        sched_yield();
    pid_t child = fork();
    if (child == 0)
        _exit(forget_and_start_again(&thread) ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    ml_os_futex_wake(&gate, 1);
    ml_os_thread_join(&thread);
}
END_TEST

static struct ml_os_thread joined_by_a_cancelled_thread;
static uint32_t join_was_passed;

static void *join_while_cancelled(void *argument)
{
    (void)argument;
    ml_os_thread_join(&joined_by_a_cancelled_thread);
    __atomic_store_n(&join_was_passed, 1, __ATOMIC_RELAXED);
    pthread_testcancel();
    return NULL;
}

START_TEST(a_cancelled_thread_completes_its_join_first)
{
    pthread_t joiner;
    void *result;
    ck_assert_int_eq(ml_os_thread_start(&joined_by_a_cancelled_thread, "memlog test",
                                        wait_in_own_thread, NULL), 0);
    pthread_create(&joiner, NULL, join_while_cancelled, NULL);
    usleep(50 * 1000);
    pthread_cancel(joiner);
    usleep(50 * 1000);
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    ml_os_futex_wake(&gate, 1);
    pthread_join(joiner, &result);
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
    ck_assert_uint_eq(join_was_passed, 1);
    ck_assert_uint_eq(ml_os_thread_stack_bytes(), 0);
}
END_TEST

UNIT_MAIN("os thread", ids_are_right_after_a_fork_and_in_a_thread,
          a_signal_reaches_the_thread_it_is_for, signalling_a_thread_that_is_gone_says_so,
          cpus_are_those_the_process_may_run_on, own_thread_runs_where_the_process_may,
          a_thread_of_another_priority_is_known, own_thread_blocks_every_signal,
          changing_the_user_id_does_not_wait_for_own_threads, own_thread_has_its_name,
          own_thread_runs_on_a_counted_stack_with_a_guard,
          own_stack_has_room_beside_a_large_thread_local_block,
          own_threads_pass_by_the_programs_pthread_create, many_own_threads_come_and_go,
          a_forked_child_gives_the_stack_back, a_cancelled_thread_completes_its_join_first)
