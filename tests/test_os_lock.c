/* SPDX-License-Identifier: MIT */
/* test_os_lock.c - thread.h's lock and its waits: nothing is lost, nobody
 * spins, everybody is woken. */
#include "os/thread.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "os/clock.h"
#include "os_gate.h"
#include "unit.h"

static const uint64_t MS = ML_NS_PER_MS;
static const uint64_t SECOND = ML_NS_PER_SECOND;

/* --- the lock --------------------------------------------------------------- */

enum { CONTENDERS = 8, ROUNDS = 20000 };

static struct ml_lock lock = ML_LOCK_FREE;
static unsigned long counter;

static void *count_under_lock(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        ml_lock(&lock);
        unsigned long value = counter;
        /* Now and then be preempted inside, so that others have to sleep. */
        if (i % 512 == 0)
            sched_yield();
        counter = value + 1;
        ml_unlock(&lock);
    }
    return NULL;
}

START_TEST(no_count_is_lost_under_contention)
{
    pthread_t threads[CONTENDERS];
    for (int i = 0; i < CONTENDERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_under_lock, NULL), 0);
    for (int i = 0; i < CONTENDERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(counter, (unsigned long)CONTENDERS * ROUNDS);
    ck_assert_uint_eq(lock.word, 0);
}
END_TEST

START_TEST(a_held_lock_cannot_be_tried)
{
    struct ml_lock mine = ML_LOCK_FREE;
    ck_assert(ml_trylock(&mine));
    ck_assert(!ml_trylock(&mine));
    ml_unlock(&mine);
    ck_assert(ml_trylock(&mine));
}
END_TEST

static void *take_and_report_errno(void *argument)
{
    (void)argument;
    errno = EDOM;
    ml_lock(&lock);
    int seen = errno;
    ml_unlock(&lock);
    return (void *)(intptr_t)(seen == EDOM && errno == EDOM);
}

START_TEST(a_sleeper_is_woken_and_keeps_its_errno)
{
    pthread_t sleeper;
    ml_lock(&lock);
    pthread_create(&sleeper, NULL, take_and_report_errno, NULL);
    while (__atomic_load_n(&lock.word, __ATOMIC_RELAXED) != 2)
        usleep(1000);
    usleep(20 * 1000); /* let it fall asleep */
    errno = ERANGE;
    ml_unlock(&lock);
    ck_assert_int_eq(errno, ERANGE);
    void *kept;
    pthread_join(sleeper, &kept);
    ck_assert_ptr_nonnull(kept);
    ck_assert_uint_eq(lock.word, 0);
}
END_TEST

START_TEST(a_waiting_lock_costs_no_cpu_time)
{
    pthread_t sleeper;
    ml_lock(&lock);
    pthread_create(&sleeper, NULL, take_and_report_errno, NULL);
    clockid_t clock;
    pthread_getcpuclockid(sleeper, &clock);
    usleep(300 * 1000);
    struct timespec used;
    clock_gettime(clock, &used);
    ml_unlock(&lock);
    pthread_join(sleeper, NULL);
    ck_assert_int_eq(used.tv_sec, 0);
    ck_assert_int_lt(used.tv_nsec, (long)(150 * MS));
}
END_TEST

/* --- waiting ---------------------------------------------------------------- */

START_TEST(a_wait_ends_at_its_deadline)
{
    uint32_t word = 7;
    uint64_t begin = ml_os_monotonic_ns();
    uint64_t deadline = begin + 60 * MS;
    errno = EDOM;
    while (ml_os_monotonic_ns() < deadline)
        ml_os_futex_wait(&word, 7, deadline);
    ck_assert_int_eq(errno, EDOM);
    ck_assert_uint_lt(ml_os_monotonic_ns() - begin, 20 * SECOND);
}
END_TEST

START_TEST(a_wait_sleeps_and_does_not_spin)
{
    uint32_t word = 7;
    uint64_t cpu = ml_os_thread_cpu_ns();
    uint64_t deadline = ml_os_monotonic_ns() + 200 * MS;
    unsigned calls = 0;
    for (; ml_os_monotonic_ns() < deadline; calls++)
        ml_os_futex_wait(&word, 7, deadline);
    ck_assert_uint_le(calls, 20);
    ck_assert_uint_lt(ml_os_thread_cpu_ns() - cpu, 100 * MS);
}
END_TEST

START_TEST(a_wait_for_what_has_changed_or_passed_returns_at_once)
{
    uint32_t word = 7;
    uint64_t begin = ml_os_monotonic_ns();
    ml_os_futex_wait(&word, 8, 0);
    ml_os_futex_wait(&word, 7, begin);
    ml_os_futex_wait(&word, 7, 1);
    ck_assert_uint_lt(ml_os_monotonic_ns() - begin, 10 * SECOND);
}
END_TEST

START_TEST(waiters_without_deadline_are_woken)
{
    pthread_t waiters[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&waiters[i], NULL, wait_for_gate, NULL);
    usleep(50 * 1000);
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    ml_os_futex_wake(&gate, 3);
    for (int i = 0; i < 3; i++)
        pthread_join(waiters[i], NULL);
}
END_TEST

UNIT_MAIN("os lock", no_count_is_lost_under_contention, a_held_lock_cannot_be_tried,
          a_sleeper_is_woken_and_keeps_its_errno, a_waiting_lock_costs_no_cpu_time,
          a_wait_ends_at_its_deadline, a_wait_sleeps_and_does_not_spin,
          a_wait_for_what_has_changed_or_passed_returns_at_once, waiters_without_deadline_are_woken)
