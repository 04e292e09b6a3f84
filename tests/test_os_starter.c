/* SPDX-License-Identifier: MIT */
/* test_os_starter.c - who starts a thread of memlog's own can be stopped all
 * the while: his signals are not blocked, while he may wait in malloc for a
 * thread that a collection has stopped already. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/syscall_linux.h"
#include "os/thread.h"
#include "unit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OWN_CALLOC 0
#else
#define HAS_OWN_CALLOC 1
#endif

static bool watched;
static unsigned calls;
static uint64_t blocked;

#if HAS_OWN_CALLOC
extern void *__libc_calloc(size_t count, size_t bytes);

/* What the C library calls for a new thread's tables. */
void *calloc(size_t count, size_t bytes)
{
    if (watched) {
        uint64_t mask = 0;
        ml_sys_sigmask(SIG_BLOCK, NULL, &mask);
        blocked |= mask;
        calls++;
    }
    return __libc_calloc(count, bytes);
}
#endif

static void do_nothing(void *unused) { (void)unused; }

START_TEST(the_starters_signals_are_not_blocked)
{
    struct ml_os_thread thread;
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    watched = true;
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", do_nothing, NULL), 0);
    watched = false;
    ml_os_thread_join(&thread);
    ck_assert_uint_eq(blocked, 0);
    ck_assert(calls > 0 || !HAS_OWN_CALLOC);
}
END_TEST

UNIT_MAIN("os starter", the_starters_signals_are_not_blocked)
