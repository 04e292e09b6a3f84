/* SPDX-License-Identifier: MIT */
/* test_gc_waiting.c - what only a waiting thread's stack refers to lives,
 * whatever the thread waits for, with all signals blocked; and the values that
 * threads keep under keys, and under signal handlers. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "gc_objects.h"
#include "unit.h"

enum { BYTES = 48 };

static hidden_t hidden[OBJECTS];
static sem_t ready, released;
static uint32_t over;

static bool is_over(void) { return __atomic_load_n(&over, __ATOMIC_ACQUIRE) != 0; }

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

static void nothing(int signal) { (void)signal; }

static sigset_t all_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    return all;
}

/* ---- waits ------------------------------------------------------------------ */

static void wait_by_sigwait(void)
{
    sigset_t all = all_signals();
    int number;
    while (!is_over())
        sigwait(&all, &number);
}

static void wait_by_sigtimedwait(void)
{
    sigset_t all = all_signals();
    while (!is_over())
        sigtimedwait(&all, NULL, &(struct timespec){ .tv_sec = 60 });
}

/* Between the look and the wait the signal may come: it stays pending, since
 * it is blocked but for the wait. */
static sigset_t all_but_usr1(void)
{
    sigset_t set = all_signals();
    sigdelset(&set, SIGUSR1);
    return set;
}

static void wait_by_sigsuspend(void)
{
    sigset_t set = all_but_usr1();
    while (!is_over())
        sigsuspend(&set);
}

static void wait_by_ppoll(void)
{
    sigset_t set = all_but_usr1();
    while (!is_over())
        ppoll(NULL, 0, NULL, &set);
}

static void wait_by_semaphore(void) { wait_for(&released); }

static void *hold_and_wait(void *wait)
{
    void *volatile slots[OBJECTS];
    sigset_t all = all_signals();
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    fill(slots, hidden, OBJECTS, BYTES, ML_SCAN);
    clear_stack();
    sem_post(&ready);
    (*(void (**)(void))wait)();
    return NULL;
}

static void holds_while(void (*wait)(void))
{
    enum { ASLEEP_MS = 20 }; /* most likely */
    pthread_t thread;
    struct sigaction action = { .sa_handler = nothing };
    sigaction(SIGUSR1, &action, NULL);
    sem_init(&ready, 0, 0);
    sem_init(&released, 0, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, hold_and_wait, &wait), 0);
    wait_for(&ready);
    usleep(ASLEEP_MS * 1000);
    assert_needed(ML_ROOT_STACKS, hidden, OBJECTS);
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    sem_post(&released);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
}

START_TEST(a_thread_in_sigwait) { holds_while(wait_by_sigwait); }
END_TEST
START_TEST(a_thread_in_sigtimedwait) { holds_while(wait_by_sigtimedwait); }
END_TEST
START_TEST(a_thread_in_sigsuspend) { holds_while(wait_by_sigsuspend); }
END_TEST
START_TEST(a_thread_in_ppoll) { holds_while(wait_by_ppoll); }
END_TEST
START_TEST(a_thread_on_a_semaphore) { holds_while(wait_by_semaphore); }
END_TEST

/* ---- on an alternate signal stack ----------------------------------------------- */

static hidden_t below[OBJECTS];

static void hold_in_handler(int signal)
{
    void *volatile slots[OBJECTS];
    (void)signal;
    fill(slots, hidden, OBJECTS, BYTES, ML_SCAN);
    clear_stack();
    sem_post(&ready);
    wait_for(&released);
}

static void *wait_in_handler(void *stack)
{
    void *volatile slots[OBJECTS];
    stack_t alternate = { .ss_sp = stack, .ss_size = 256 << 10 };
    ck_assert_int_eq(sigaltstack(&alternate, NULL), 0);
    fill(slots, below, OBJECTS, BYTES, ML_SCAN);
    clear_stack();
    raise(SIGUSR2);
    return NULL;
}

START_TEST(a_thread_in_a_handler_on_a_stack_of_its_own)
{
    pthread_t thread;
    struct sigaction action = { .sa_handler = hold_in_handler, .sa_flags = SA_ONSTACK };
    void *stack = mmap(NULL, 256 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigfillset(&action.sa_mask);
    sigaction(SIGUSR2, &action, NULL);
    sem_init(&ready, 0, 0);
    sem_init(&released, 0, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_in_handler, stack), 0);
    wait_for(&ready);
    collect();
    assert_all_alive(below, OBJECTS);
    assert_needed(ML_ROOT_STACKS, hidden, OBJECTS);
    sem_post(&released);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- keys --------------------------------------------------------------------------- */

static pthread_key_t keys[OBJECTS];

static void *keep_under_keys(void *unused)
{
    void *volatile slots[OBJECTS];
    (void)unused;
    fill(slots, hidden, OBJECTS, BYTES, ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i++) {
        pthread_setspecific(keys[i], slots[i]);
        slots[i] = NULL;
    }
    clear_stack();
    sem_post(&ready);
    wait_for(&released);
    return NULL;
}

/* Those from 32 on are kept in memory from calloc, the others beside the
 * thread's stack, which is left out as well to see them. */
START_TEST(a_thread_with_values_under_many_keys)
{
    pthread_t thread;
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_int_eq(pthread_key_create(&keys[i], NULL), 0);
    sem_init(&ready, 0, 0);
    sem_init(&released, 0, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, keep_under_keys, NULL), 0);
    wait_for(&ready);
    collect();
    assert_all_alive(hidden, OBJECTS);
    collect_without(ML_ROOT_STACKS);
    assert_all_alive(hidden, OBJECTS);
    collect_without(ML_ROOT_STACKS | ML_ROOT_TLS);
    assert_nearly_all_gone(hidden, OBJECTS);
    sem_post(&released);
    pthread_join(thread, NULL);
}
END_TEST

UNIT_MAIN("gc waiting", a_thread_in_sigwait, a_thread_in_sigtimedwait, a_thread_in_sigsuspend,
          a_thread_in_ppoll, a_thread_on_a_semaphore,
          a_thread_in_a_handler_on_a_stack_of_its_own, a_thread_with_values_under_many_keys)
