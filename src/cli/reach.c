/* SPDX-License-Identifier: MIT */
#include "cli/reach.h"

#include <errno.h>
#include <sched.h>

#include "cli/locate.h"
#include "cli/sandbox.h"
#include "cli/system.h"
#include "os/clock.h"
#include "os/process.h"

/* ---- what to say ------------------------------------------------------------------------ */

/* Between an exec and the next program's first instructions the slot tells of what is not
 * there any more: that passes. */
static void complain_once(struct ml_reach *reach, int error)
{
    uint64_t now = ml_os_monotonic_ns();
    if (reach->failing_ns == 0)
        reach->failing_ns = now;
    bool may_pass = error != -EPERM && now - reach->failing_ns < ML_NS_PER_SECOND;
    if (reach->was_refused || may_pass || error == -ESRCH)
        return;
    reach->was_refused = true;
    if (error == -ENOTSUP)
        ml_os_complain("the program has another version of memlog in it: nothing is recorded",
                       NULL);
    else if (error == -EFAULT || error == -ESTALE)
        ml_os_complain("the program has become one without memlog (static, or started without "
                       "LD_PRELOAD): nothing is recorded any more", NULL);
    else
        ml_os_complain("cannot read the program's numbers: ", ml_os_error_text(-error), NULL);
}

/* Once, however many processes: a child mostly is the same program. */
void ml_reach_tell_of_malloc(const struct ml_reach *reach)
{
    static bool said;
    if (said || !__atomic_load_n(&reach->slot->passed_by, __ATOMIC_RELAXED))
        return;
    said = true;
    ml_os_complain("the program has a malloc of its own: what it allocates by that is not counted",
                   NULL);
}

/* ---- getting there -------------------------------------------------------------------------- */

void ml_reach_close(struct ml_reach *reach)
{
    ml_image_close(reach->image);
    ml_space_close(&reach->space);
    reach->image = NULL;
}

/* As ml_image_open; what was open before is not any more. */
static int open_image(struct ml_reach *reach, uintptr_t root)
{
    const struct ml_memory memory = { ml_space_read, &reach->space };
    ml_reach_close(reach);
    int error = ml_space_open(&reach->space, reach->pid);
    if (error == 0)
        reach->image = ml_image_open(&memory, root, &error);
    return error;
}

/* Whether memlog can be read there. */
static bool is_root(struct ml_space *space, uintptr_t root)
{
    const struct ml_memory memory = { ml_space_read, space };
    int error = -ENOENT;
    if (root != 0)
        ml_image_close(ml_image_open(&memory, root, &error));
    return error == 0;
}

/* It has become a program that can't get at the board: another user's, or one with an environment
 * of its own. Memlog may be in it all the same, or be there in a moment. */
static bool find_again(struct ml_reach *reach)
{
    uint64_t now = ml_os_monotonic_ns();
    struct ml_space space;
    if (reach->searched_ns != 0 && now - reach->searched_ns < ML_NS_PER_SECOND)
        return false;
    reach->searched_ns = now;
    uintptr_t root = ml_space_open(&space, reach->pid) == 0 ? ml_locate_root(&space) : 0;
    bool is_there = is_root(&space, root);
    ml_space_close(&space);
    return is_there && open_image(reach, root) == 0;
}

/* The program gets a thread: not while it may still want to be alone (unshare), and not
 * where making one may end it. False: it can't be asked. */
static bool ask_inside(struct ml_reach *reach)
{
    enum { ALONE_NS = 100 * ML_NS_PER_MS };
    struct ml_board_slot *slot = reach->slot;
    bool has_begun = __atomic_load_n(&slot->inside_sequence, __ATOMIC_ACQUIRE) != 0;
    if (has_begun)
        return true;
    if (ml_sandbox_is_around(reach->pid)) {
        __atomic_store_n(&slot->asks, 0, __ATOMIC_RELEASE);
        return false;
    }
    if (slot->asks == 0 && ml_os_realtime_ns() - slot->first.when_ns >= ALONE_NS) {
        slot->interval_ns = reach->interval_ns;
        __atomic_store_n(&slot->asks, ML_BOARD_NUMBERS, __ATOMIC_RELEASE);
    }
    return true;
}

static bool is_refusal(int error) { return error == -EPERM || error == -ENOSYS; }

/* Whether there is somewhere to read. The slot may tell of another program by now, whose memlog
 * is elsewhere. */
bool ml_reach_has_numbers(struct ml_reach *reach)
{
    uint32_t images = __atomic_load_n(&reach->slot->images, __ATOMIC_ACQUIRE);
    if (images == reach->images_seen && (images == 0 || reach->image != NULL))
        return reach->image != NULL;
    int error = open_image(reach, (uintptr_t)reach->slot->root);
    if (is_refusal(error) && ask_inside(reach))
        return true;
    if (error != 0 && (is_refusal(error) || !find_again(reach))) {
        complain_once(reach, error);
        return false;
    }
    reach->images_seen = images;
    ml_reach_tell_of_malloc(reach);
    uint32_t asked = ML_BOARD_NUMBERS; /* it may be read again: the thread ends */
    (void)__atomic_compare_exchange_n(&reach->slot->asks, &asked, 0, false, __ATOMIC_RELEASE,
                                      __ATOMIC_RELAXED);
    return true;
}

/* ---- numbers -------------------------------------------------------------------------------- */

/* What its thread has written last. One that was killed in the middle leaves nothing whole. */
static int read_inside(const struct ml_reach *reach, struct memlog_memstats *stats,
                       struct memlog_extra *extra)
{
    enum { PATIENCE = 1000 };
    const struct ml_board_slot *slot = reach->slot;
    for (int tries = 0; tries < PATIENCE; tries++) {
        uint32_t before = __atomic_load_n(&slot->inside_sequence, __ATOMIC_ACQUIRE);
        *stats = slot->inside.stats;
        if (extra != NULL)
            *extra = slot->inside.extra;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(before & 1) && before == __atomic_load_n(&slot->inside_sequence, __ATOMIC_RELAXED)) {
            if (extra != NULL)
                ml_system_add_numbers(reach->pid, extra);
            return before == 0 ? -EAGAIN : 0;
        }
        sched_yield();
    }
    return -EAGAIN;
}

int ml_reach_read(struct ml_reach *reach, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    int error = reach->image == NULL ? read_inside(reach, stats, extra)
                                     : ml_image_read(reach->image, &reach->raw);
    if (error != 0 || reach->image == NULL)
        return error;
    ml_stats_from_raw(stats, &reach->raw);
    if (extra != NULL) {
        ml_extra_from_raw(extra, &reach->raw);
        ml_system_add_numbers(reach->pid, extra);
    }
    return 0;
}

bool ml_reach_heed(struct ml_reach *reach, int error)
{
    /* -EFAULT: it was found while the loader had not made it ready, and what was read then leads
     * nowhere. */
    bool is_found = (error == -ESTALE || error == -EFAULT) && find_again(reach);
    if (error == 0 || is_found)
        reach->failing_ns = reach->searched_ns = 0;
    else if (error != -EAGAIN)
        complain_once(reach, error);
    return error == 0;
}

void ml_reach_init(struct ml_reach *reach, pid_t pid, struct ml_board_slot *slot, uint64_t interval_ns)
{
    *reach = (struct ml_reach){ .pid = pid, .slot = slot, .interval_ns = interval_ns,
                                .space = { .memory = -1, .maps = -1 } };
}
