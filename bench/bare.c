/* SPDX-License-Identifier: MIT */
#include "bare.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "figures.h"

static const pid_t *threads;
static uint32_t thread_count;
static uint32_t stop, released, answers;

static long futex(uint32_t *word, int operation, uint32_t value)
{
    return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void wait_while(uint32_t *word, uint32_t value)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
        futex(word, FUTEX_WAIT, value);
}

static void answer(int signal)
{
    (void)signal;
    int before = errno;
    uint32_t mine = __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&answers, 1, __ATOMIC_ACQ_REL) == thread_count)
        futex(&answers, FUTEX_WAKE, 1);
    wait_while(&released, mine - 1);
    errno = before;
}

void bare_begin(const pid_t *tids, int count)
{
    struct sigaction action = { .sa_handler = answer, .sa_flags = SA_RESTART };
    threads = tids;
    thread_count = (uint32_t)count;
    sigfillset(&action.sa_mask);
    sigaction(SIGRTMIN, &action, NULL);
}

struct bare_pause bare_stop_and_release(void)
{
    pid_t pid = getpid();
    uint64_t begun = bench_wall_ns();
    __atomic_store_n(&answers, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&stop, stop + 1, __ATOMIC_RELEASE);
    for (uint32_t i = 0; i < thread_count; i++)
        if (syscall(SYS_tgkill, pid, threads[i], SIGRTMIN) != 0)
            bench_need(NULL);
    for (uint32_t seen; (seen = __atomic_load_n(&answers, __ATOMIC_ACQUIRE)) != thread_count;)
        futex(&answers, FUTEX_WAIT, seen);
    uint64_t stopped = bench_wall_ns();
    __atomic_store_n(&released, stop, __ATOMIC_RELEASE);
    futex(&released, FUTEX_WAKE, INT_MAX);
    uint64_t over = bench_wall_ns();
    return (struct bare_pause){ stopped - begun, over - stopped, over - begun };
}
