/* SPDX-License-Identifier: MIT */
/* test_gc_signals.c - the stop signal stays deliverable and memlog's own,
 * whatever the program does to all signals; the others are as they were. */
#include "gc/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "gc/stopworld.h"
#include "gc_objects.h"
#include "unit.h"

static sigset_t all_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    return all;
}

static uint64_t blocked_now(void)
{
    uint64_t blocked = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, sizeof(blocked));
    return blocked;
}

static uint64_t bit(int number) { return (uint64_t)1 << (number - 1); }

/* ---- masks ---------------------------------------------------------------------- */

START_TEST(all_signals_but_ours_and_the_c_librarys_are_blocked)
{
    sigset_t all = all_signals(), old;
    uint64_t expected = ~(bit(SIGKILL) | bit(SIGSTOP) | bit(32) | bit(33) | bit(ml_stopworld_signal()));
    ck_assert_int_gt(ml_stopworld_signal(), SIGRTMIN);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &all, &old), 0);
    ck_assert_uint_eq(blocked_now(), expected);
    ck_assert_int_eq(sigismember(&old, SIGUSR1), 0);
    sigset_t none;
    sigemptyset(&none);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, &none, &old), 0);
    ck_assert_uint_eq(blocked_now(), 0);
    ck_assert_int_eq(sigismember(&old, SIGUSR1), 1);
    ck_assert_int_eq(sigismember(&old, ml_stopworld_signal()), 0);
    ck_assert_int_eq(sigprocmask(SIG_BLOCK, &all, NULL), 0);
    ck_assert_uint_eq(blocked_now(), expected);
    ck_assert_int_eq(sigprocmask(SIG_UNBLOCK, &all, NULL), 0);
    ck_assert_uint_eq(blocked_now(), 0);
}
END_TEST

START_TEST(bad_arguments_give_the_errors_of_the_c_library)
{
    sigset_t all = all_signals();
    errno = 77;
    ck_assert_int_eq(pthread_sigmask(99, &all, NULL), EINVAL);
    ck_assert_int_eq(errno, 77);
    ck_assert_int_eq(sigprocmask(99, &all, NULL), -1);
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* ---- waits ------------------------------------------------------------------------ */

enum { ASLEEP_MS = 20 };

static uint32_t waiting, caught;

static void note(int number) { __atomic_store_n(&caught, (uint32_t)number, __ATOMIC_RELEASE); }

static int wait_by_sigwait(void)
{
    sigset_t all = all_signals();
    int number = 0;
    sigwait(&all, &number);
    return number;
}

static int wait_by_sigwaitinfo(void)
{
    sigset_t all = all_signals();
    int number;
    while ((number = sigwaitinfo(&all, NULL)) < 0 && errno == EINTR) {
    }
    return number;
}

static int wait_by_sigtimedwait(void)
{
    sigset_t all = all_signals();
    int number;
    while ((number = sigtimedwait(&all, NULL, &(struct timespec){ .tv_sec = 60 })) < 0 &&
           errno == EINTR) {
    }
    return number;
}

/* These wait for a handler to have run, with all but SIGUSR1 blocked. */
static sigset_t all_but_usr1(void)
{
    sigset_t set = all_signals();
    sigdelset(&set, SIGUSR1);
    return set;
}

static int wait_by_sigsuspend(void)
{
    sigset_t set = all_but_usr1();
    while (caught == 0)
        sigsuspend(&set);
    return (int)caught;
}

static int wait_by_pselect(void)
{
    sigset_t set = all_but_usr1();
    while (caught == 0)
        pselect(0, NULL, NULL, NULL, NULL, &set);
    return (int)caught;
}

static int wait_by_ppoll(void)
{
    sigset_t set = all_but_usr1();
    while (caught == 0)
        ppoll(NULL, 0, NULL, &set);
    return (int)caught;
}

static int wait_by_epoll(void)
{
    sigset_t set = all_but_usr1();
    struct epoll_event event;
    int epoll = epoll_create1(0);
    while (caught == 0)
        epoll_pwait(epoll, &event, 1, -1, &set);
    close(epoll);
    return (int)caught;
}

static int wait_by_epoll2(void)
{
    sigset_t set = all_but_usr1();
    struct epoll_event event;
    int epoll = epoll_create1(0);
    while (caught == 0)
        epoll_pwait2(epoll, &event, 1, NULL, &set);
    close(epoll);
    return (int)caught;
}

static void *wait_for_one(void *wait)
{
    sigset_t all = all_signals();
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    __atomic_store_n(&waiting, 1, __ATOMIC_RELEASE);
    return (void *)(intptr_t)(*(int (**)(void))wait)();
}

static uint32_t collections(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats.num_gc;
}

START_TEST(a_wait_for_all_signals_lets_the_stop_through_and_does_not_take_it)
{
    static int (*const waits[])(void) = {
        wait_by_sigwait, wait_by_sigwaitinfo, wait_by_sigtimedwait, wait_by_sigsuspend,
        wait_by_pselect, wait_by_ppoll, wait_by_epoll, wait_by_epoll2,
    };
    ml_stopworld_patience_ns = (uint64_t)2 * 1000 * 1000 * 1000;
    struct sigaction action = { .sa_handler = note };
    sigaction(SIGUSR1, &action, NULL);
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        int (*wait)(void) = waits[i];
        pthread_t thread;
        waiting = caught = 0;
        ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_one, &wait), 0);
        while (!__atomic_load_n(&waiting, __ATOMIC_ACQUIRE))
            usleep(1000);
        usleep(ASLEEP_MS * 1000);
        uint32_t before = collections();
        for (int round = 0; round < 3; round++)
            memlog_gc();
        ck_assert_msg(collections() == before + 3, "wait %zu does not answer", i);
        pthread_kill(thread, SIGUSR1);
        void *number;
        pthread_join(thread, &number);
        ck_assert_int_eq((int)(intptr_t)number, SIGUSR1);
    }
}
END_TEST

/* sigset and sigignore are old, and still there. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* ---- handlers ------------------------------------------------------------------------ */

START_TEST(nobody_changes_what_the_stop_signal_does)
{
    struct sigaction action = { .sa_handler = note }, old;
    int ours = ml_stopworld_signal();
    ck_assert_int_eq(sigaction(ours, &action, NULL), -1);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(sigaction(ours, NULL, &old), -1);
    /* As a program does that wants to begin afresh. */
    for (int number = 1; number < NSIG; number++)
        if (number != SIGTERM) {
            signal(number, SIG_IGN);
            signal(number, SIG_DFL);
            sysv_signal(number, SIG_DFL);
        }
    ck_assert_ptr_eq(signal(ours, note), SIG_ERR);
    errno = 0;
    ck_assert_ptr_eq(sigset(ours, note), SIG_ERR);
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_int_eq(sigignore(ours), -1);
    pthread_t thread;
    int (*wait)(void) = wait_by_sigwait;
    waiting = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_one, &wait), 0);
    while (!__atomic_load_n(&waiting, __ATOMIC_ACQUIRE)) /* it has blocked SIGUSR1 by then */
        usleep(1000);
    memlog_gc();
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(other_signals_are_handled_as_ever)
{
    struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESTART }, old;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, &old), 0);
    ck_assert_ptr_eq(old.sa_handler, SIG_DFL);
    ck_assert_int_eq(sigaction(SIGUSR1, NULL, &old), 0);
    ck_assert_ptr_eq(old.sa_handler, note);
    raise(SIGUSR1);
    ck_assert_uint_eq(caught, SIGUSR1);
    ck_assert_ptr_eq(signal(SIGUSR1, SIG_IGN), note);
    ck_assert_ptr_eq(sigset(SIGUSR1, note), SIG_IGN);
    ck_assert_int_eq(sigignore(SIGUSR1), 0);
    ck_assert_ptr_eq(sysv_signal(SIGUSR1, SIG_DFL), SIG_IGN);
    ck_assert_int_eq(sigaction(0, &action, NULL), -1);
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* A handler with a full mask that takes its time. */
static uint32_t in_handler, leave_handler;

static void take_time(int number)
{
    (void)number;
    __atomic_store_n(&in_handler, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&leave_handler, __ATOMIC_ACQUIRE)) {
    }
}

static void *raise_in_thread(void *unused)
{
    raise(SIGUSR2);
    return unused;
}

START_TEST(a_handler_that_blocks_all_signals_is_stopped_too)
{
    ml_stopworld_patience_ns = (uint64_t)2 * 1000 * 1000 * 1000;
    struct sigaction action = { .sa_handler = take_time };
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR2, &action, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, raise_in_thread, NULL);
    while (!__atomic_load_n(&in_handler, __ATOMIC_ACQUIRE))
        usleep(1000);
    uint32_t before = collections();
    memlog_gc();
    ck_assert_uint_eq(collections(), before + 1);
    __atomic_store_n(&leave_handler, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
}
END_TEST

UNIT_MAIN("gc signals", all_signals_but_ours_and_the_c_librarys_are_blocked,
          bad_arguments_give_the_errors_of_the_c_library,
          a_wait_for_all_signals_lets_the_stop_through_and_does_not_take_it,
          nobody_changes_what_the_stop_signal_does, other_signals_are_handled_as_ever,
          a_handler_that_blocks_all_signals_is_stopped_too)
