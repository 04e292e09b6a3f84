/* SPDX-License-Identifier: MIT */
#include "preload/board.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "heap/threadcache.h"
#include "log/board.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"
#include "preload/log.h"
#include "preload/plain.h"
#include "stats/layout.h"
#include "stats/memstats.h"

static struct ml_board_slot *slot; /* NULL: this process has none */
static pid_t owner;                /* this process, or the last that had one */
static char file[ML_BOARD_FILE_BYTES];

static void write_numbers(struct ml_board_numbers *numbers)
{
    numbers->when_ns = ml_os_realtime_ns();
    numbers->extra.size = sizeof(numbers->extra);
    ml_stats_read(&numbers->stats);
    ml_stats_read_extra(&numbers->extra);
}

/* ---- a place on the board ------------------------------------------------------------- */

static void *map(int fd, size_t offset, size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    return pages == MAP_FAILED ? NULL : pages;
}

static bool is_a_board(const struct ml_board *head)
{
    return memcmp(head->magic, ML_BOARD_MAGIC, sizeof(head->magic)) == 0 &&
           head->bytes == sizeof(struct ml_board) && head->layout == ML_ROOT_LAYOUT;
}

/* Which slot is this process's; ML_BOARD_SLOTS: none. */
static uint32_t place_on(struct ml_board *head)
{
    if (!is_a_board(head))
        return ML_BOARD_SLOTS;
    if (head->first_pid == (uint32_t)ml_os_pid())
        return 0;
    if (!head->all_children || head->slots_taken >= ML_BOARD_SLOTS)
        return ML_BOARD_SLOTS;
    /* Who ends says so, and then goes through the slots that are taken. */
    uint32_t place = __atomic_fetch_add(&head->slots_taken, 1, __ATOMIC_SEQ_CST);
    bool ended = __atomic_load_n(&head->ended, __ATOMIC_SEQ_CST);
    return place < ML_BOARD_SLOTS && !ended ? place : ML_BOARD_SLOTS;
}

static struct ml_board_slot *map_slot(int fd)
{
    struct ml_board *head = map(fd, 0, ML_BOARD_PAGE);
    if (head == NULL)
        return NULL;
    uint32_t place = place_on(head);
    if (is_a_board(head))
        memcpy(file, head->file, sizeof(file));
    munmap(head, ML_BOARD_PAGE);
    size_t offset = offsetof(struct ml_board, slots) + place * sizeof(struct ml_board_slot);
    return place < ML_BOARD_SLOTS ? map(fd, offset, sizeof(struct ml_board_slot)) : NULL;
}

static bool take(void)
{
    const char *path = ml_os_getenv(ML_BOARD_VARIABLE);
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    slot = map_slot(fd);
    close(fd);
    if (slot == NULL)
        return false;
    slot->pid = (uint32_t)owner;
    slot->root = (uintptr_t)&memlog_root;
    slot->done = 0;
    write_numbers(&slot->first);
    __atomic_store_n(&slot->images, slot->images + 1, __ATOMIC_RELEASE);
    return true;
}

/* The slot is the parent's. Where all have one the child gets its own; else it may
 * outlive the program, as a daemon does that forks twice. */
static void after_fork_child(void)
{
    pid_t parent = owner;
    if (slot != NULL)
        munmap(slot, sizeof(*slot));
    slot = NULL;
    owner = ml_os_pid();
    if (!take())
        ml_preload_log_outlive(file, parent);
}

/* Left alone it goes on with a log of its own: in the same file, where it has one. */
void ml_preload_board_notice(void)
{
    struct ml_board_slot *here = __atomic_load_n(&slot, __ATOMIC_RELAXED);
    if (ml_likely(here == NULL || !__atomic_load_n(&here->left_alone, __ATOMIC_RELAXED)) ||
        owner != ml_os_pid())
        return;
    if (__atomic_exchange_n(&slot, NULL, __ATOMIC_RELAXED) != NULL)
        ml_preload_log_outlive(file, 0); /* the pages stay: another thread may be looking */
}

bool ml_preload_board_take(void)
{
    owner = ml_os_pid();
    if (!take())
        return false;
    (void)pthread_atfork(NULL, NULL, after_fork_child);
    return true;
}

/* ---- the end ---------------------------------------------------------------------------- */

/* Not in a child that shares our memory and ends by exit() all the same; and not where a
 * handler has interrupted the heap: numbers that are half changed would never be whole. */
__attribute__((destructor(101))) static void leave_numbers(void)
{
    if (slot == NULL || owner != ml_os_pid() || ml_thread_self->inside != 0)
        return;
    write_numbers(&slot->last);
    __atomic_store_n(&slot->done, 1, __ATOMIC_RELEASE);
}

/* What ends without exit() ends here: a shell, a forked daemon. */
_Noreturn static void end(int status)
{
    leave_numbers();
    for (;;)
        syscall(SYS_exit_group, status);
}

EXPORT void _exit(int status) { end(status); }
EXPORT void _Exit(int status) { end(status); }
