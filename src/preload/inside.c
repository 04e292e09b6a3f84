/* SPDX-License-Identifier: MIT */
#include "preload/inside.h"

#include <stdbool.h>

#include "os/clock.h"
#include "os/thread.h"
#include "stats/memstats.h"

static uint32_t has_begun;
static uint64_t failed_ns; /* monotonic; 0: it has not */

static void write_numbers(struct ml_board_slot *slot)
{
    uint32_t sequence = slot->inside_sequence;
    __atomic_store_n(&slot->inside_sequence, sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    slot->inside.when_ns = ml_os_realtime_ns();
    slot->inside.extra.size = sizeof(slot->inside.extra);
    ml_stats_read(&slot->inside.stats);
    ml_stats_read_extra_counted(&slot->inside.extra);
    __atomic_store_n(&slot->inside_sequence, sequence + 2, __ATOMIC_RELEASE);
}

static void run(void *argument)
{
    struct ml_board_slot *slot = argument;
    static const uint32_t nobody_wakes;
    while (__atomic_load_n(&slot->asks, __ATOMIC_ACQUIRE) == ML_BOARD_NUMBERS) {
        write_numbers(slot);
        ml_os_futex_wait(&nobody_wakes, 0, ml_os_monotonic_ns() + slot->interval_ns);
    }
    __atomic_store_n(&has_begun, 0, __ATOMIC_RELEASE);
}

static bool is_too_soon(void)
{
    uint64_t failed = __atomic_load_n(&failed_ns, __ATOMIC_RELAXED);
    return failed != 0 && ml_os_monotonic_ns() - failed < ML_NS_PER_SECOND;
}

/* Nobody waits for its end, and its stack is the program's matter: what the numbers are about
 * stays as it is. */
void ml_preload_inside_begin(struct ml_board_slot *slot)
{
    static struct ml_os_thread thread;
    if (__atomic_load_n(&has_begun, __ATOMIC_RELAXED) != 0 || is_too_soon() ||
        __atomic_exchange_n(&has_begun, 1, __ATOMIC_ACQUIRE) != 0)
        return;
    if (ml_os_thread_start_for_program(&thread, "memlog-numbers", run, slot) == 0)
        return;
    __atomic_store_n(&failed_ns, ml_os_monotonic_ns(), __ATOMIC_RELAXED);
    __atomic_store_n(&has_begun, 0, __ATOMIC_RELEASE);
}

void ml_preload_inside_forget(void) { has_begun = 0; }
