/* SPDX-License-Identifier: MIT */
#include "gc/loader.h"

#include <stddef.h>

#include "os/clock.h"
#include "os/segments.h"
#include "os/thread.h"

enum { USABLE, UNKNOWN, ASKED };

static uint32_t state = USABLE;
static struct ml_os_thread asker;
static bool has_asker;

static void answer(void *unused)
{
    (void)unused;
    __atomic_store_n(&state, USABLE, __ATOMIC_RELEASE);
    ml_os_futex_wake(&state, 1);
}

static void ask(void *unused) { ml_os_with_loader_locked(answer, unused); }

static bool is_usable(void) { return __atomic_load_n(&state, __ATOMIC_ACQUIRE) == USABLE; }

static void start_asking(void)
{
    uint64_t deadline = ml_os_monotonic_ns() + ML_NS_PER_SECOND;
    __atomic_store_n(&state, ASKED, __ATOMIC_RELAXED);
    if (ml_os_thread_start(&asker, "memlog-loader", ask, NULL) != 0) {
        __atomic_store_n(&state, UNKNOWN, __ATOMIC_RELAXED); /* again the next time */
        return;
    }
    has_asker = true;
    while (!is_usable() && ml_os_monotonic_ns() < deadline)
        ml_os_futex_wait(&state, ASKED, deadline);
}

bool ml_loader_is_usable(void)
{
    if (__atomic_load_n(&state, __ATOMIC_RELAXED) == UNKNOWN)
        start_asking();
    if (!is_usable())
        return false;
    if (has_asker)
        ml_os_thread_join(&asker);
    has_asker = false;
    return true;
}

void ml_loader_after_fork_child(bool others)
{
    if (has_asker) /* it did not come along, and its answer would be no good here */
        ml_os_thread_forget(&asker);
    if (has_asker || others)
        __atomic_store_n(&state, UNKNOWN, __ATOMIC_RELAXED);
    has_asker = false;
}
