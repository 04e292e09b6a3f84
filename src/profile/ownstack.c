/* SPDX-License-Identifier: MIT */
#include "profile/ownstack.h"

#include <stdbool.h>
#include <sys/resource.h>

#include "base/bits.h"
#include "os/segments.h"
#include "os/thread.h"
#include "os/tls.h"

static uintptr_t first_pointer;      /* of the first thread, where it began; 0: another did */
static __thread uintptr_t low, high; /* high 0: not asked yet */

void ml_own_stack_prepare(void)
{
    if (ml_os_tid() == ml_os_pid())
        first_pointer = ml_os_thread_pointer();
}

/* A thread that became its process's only one by fork() is still on the stack that it was started on. */
static bool is_first(void)
{
    return ml_os_tid() == ml_os_pid() && (first_pointer == 0 || ml_os_thread_pointer() == first_pointer);
}

/* The first thread's stack grows: most of it is further down than it has come until now. */
static void look_at_first(void)
{
    const rlim_t USUAL = 8 << 20;
    struct rlimit limit;
    bool is_known = getrlimit(RLIMIT_STACK, &limit) == 0;
    high = ml_os_first_stack_end();
    low = high - (is_known ? ml_min(limit.rlim_cur, USUAL) : USUAL);
}

static void look(void)
{
    static __thread bool is_looking; /* and has been interrupted, or allocates */
    if (is_looking)
        return;
    is_looking = true;
    uintptr_t begin, end;
    if (is_first()) {
        look_at_first();
    } else if (ml_os_stack_bounds(&begin, &end) == 0) {
        low = begin;
        high = end;
    } else {
        low = high = UINTPTR_MAX;
    }
    is_looking = false;
}

size_t ml_own_stack_room(uintptr_t here, uintptr_t *end)
{
    if (high == 0)
        look();
    *end = high;
    return here - low < high - low ? here - low : 0;
}
