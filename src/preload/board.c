/* SPDX-License-Identifier: MIT */
#include "preload/board.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "heap/threadcache.h"
#include "log/board.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"
#include "preload/inside.h"
#include "preload/log.h"
#include "preload/plain.h"
#include "stats/layout.h"
#include "stats/memstats.h"

static struct ml_board_slot *slot; /* NULL: this process has none */
static pid_t owner;                /* this process, or the last that had one */
static bool is_passed_by;          /* by its calls of malloc */
static char file[ML_BOARD_FILE_BYTES];

static void write_numbers(struct ml_board_numbers *numbers,
                          void (*read_extra)(struct memlog_extra *extra))
{
    numbers->when_ns = ml_os_realtime_ns();
    numbers->extra.size = sizeof(numbers->extra);
    ml_stats_read(&numbers->stats);
    read_extra(&numbers->extra);
}

/* ---- a place on the board ------------------------------------------------------------- */

static void *map(int fd, size_t offset, size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    return pages == MAP_FAILED ? NULL : pages;
}

/* Whatever else may have come to be in that place is not looked into. */
static bool is_a_board(int fd)
{
    struct {
        char magic[8];
        uint64_t bytes, layout;
    } head; /* as struct ml_board begins */
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_size == (off_t)sizeof(struct ml_board) &&
           pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
           memcmp(head.magic, ML_BOARD_MAGIC, sizeof(head.magic)) == 0 &&
           head.bytes == sizeof(struct ml_board) && head.layout == ML_ROOT_LAYOUT;
}

/* As memlog run knows this process, which may be in a pid namespace below: the board was
 * opened in the same /proc. 0: not at all. */
static uint32_t pid_outside(void)
{
    char link[16];
    ssize_t length = readlink("/proc/self", link, sizeof(link));
    uint32_t pid = 0;
    for (ssize_t i = 0; i < length; i++)
        pid = pid * 10 + (uint32_t)(link[i] - '0');
    return pid;
}

static struct ml_board_slot *map_place(int fd, uint32_t place)
{
    return map(fd, offsetof(struct ml_board, slots) + place * sizeof(struct ml_board_slot),
               sizeof(struct ml_board_slot));
}

/* The one it had before it became another program. What has left its last numbers was another
 * process, whose end is not seen yet. */
static struct ml_board_slot *map_former(int fd, const struct ml_board *head, uint32_t pid)
{
    for (uint32_t i = 1; i < ML_BOARD_SLOTS; i++) {
        if (__atomic_load_n(&head->pids[i], __ATOMIC_RELAXED) != pid)
            continue;
        struct ml_board_slot *former = map_place(fd, i);
        if (former == NULL || !__atomic_load_n(&former->done, __ATOMIC_RELAXED))
            return former;
        munmap(former, sizeof(*former));
    }
    return NULL;
}

static struct ml_board_slot *map_free(int fd, struct ml_board *head, uint32_t pid)
{
    for (uint32_t i = 1; i < ML_BOARD_SLOTS; i++) {
        uint32_t nobody = 0;
        if (!__atomic_compare_exchange_n(&head->pids[i], &nobody, pid, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_RELAXED))
            continue;
        struct ml_board_slot *place = map_place(fd, i);
        if (place == NULL)
            __atomic_store_n(&head->pids[i], 0, __ATOMIC_RELEASE);
        return place;
    }
    return NULL;
}

static struct ml_board_slot *map_slot_of(int fd, struct ml_board *head, uint32_t pid)
{
    if (pid == head->first_pid)
        return map_place(fd, 0);
    if (pid == 0 || !head->all_children)
        return NULL;
    struct ml_board_slot *place = map_former(fd, head, pid);
    if (place == NULL)
        place = map_free(fd, head, pid);
    /* Who ends says so, and then goes through the slots. */
    if (place != NULL && __atomic_load_n(&head->ended, __ATOMIC_SEQ_CST)) {
        munmap(place, sizeof(*place));
        place = NULL;
    }
    return place;
}

static struct ml_board_slot *map_slot(int fd)
{
    const size_t bytes = offsetof(struct ml_board, slots);
    struct ml_board *head = is_a_board(fd) ? map(fd, 0, bytes) : NULL;
    if (head == NULL)
        return NULL;
    struct ml_board_slot *place = map_slot_of(fd, head, pid_outside());
    memcpy(file, head->file, sizeof(file));
    munmap(head, bytes);
    return place;
}

static bool take(void)
{
    const char *path = ml_os_getenv(ML_BOARD_VARIABLE);
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return false;
    slot = map_slot(fd);
    close(fd);
    if (slot == NULL)
        return false;
    slot->root = (uintptr_t)&memlog_root;
    slot->done = slot->inside_sequence = 0;
    /* What was asked for was another program's before an exec. */
    __atomic_fetch_and(&slot->asks, ~(uint32_t)ML_BOARD_NUMBERS, __ATOMIC_RELAXED);
    slot->passed_by = is_passed_by;
    if (ml_os_command_line(slot->command, sizeof(slot->command)) == 0)
        slot->command[0] = '\0';
    write_numbers(&slot->first, ml_stats_read_extra);
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
    ml_preload_inside_forget();
    if (!take())
        ml_preload_log_outlive(file, parent);
}

/* Left alone it goes on with a log of its own: in the same file, where it has one. */
static ML_COLD void go_on_alone(void)
{
    if (__atomic_exchange_n(&slot, NULL, __ATOMIC_RELAXED) != NULL)
        ml_preload_log_outlive(file, 0); /* the pages stay: another thread may be looking */
}

static ML_COLD void take_notice(struct ml_board_slot *here, uint32_t asks)
{
    if (owner != ml_os_pid())
        return;
    if (asks & ML_BOARD_LEAVE)
        go_on_alone();
    else
        ml_preload_inside_begin(here);
}

void ml_preload_board_notice(void)
{
    struct ml_board_slot *here = __atomic_load_n(&slot, __ATOMIC_RELAXED);
    uint32_t asks = here == NULL ? 0 : __atomic_load_n(&here->asks, __ATOMIC_RELAXED);
    if (ml_unlikely(asks != 0))
        take_notice(here, asks);
}

bool ml_preload_board_take(void)
{
    owner = ml_os_pid();
    is_passed_by = ml_plain_is_passed_by();
    if (!take())
        return false;
    (void)pthread_atfork(NULL, NULL, after_fork_child);
    return true;
}

/* ---- the end ---------------------------------------------------------------------------- */

/* Not in a child that shares our memory and ends by exit() all the same; nor from a handler
 * that has interrupted the heap: the change that a reading would wait for does not end. */
__attribute__((destructor(101))) static void leave_numbers(void)
{
    if (slot == NULL || owner != ml_os_pid() || ml_thread_self->inside != 0)
        return;
    /* No file is opened: a program may be in a sandbox by now where that kills it. */
    write_numbers(&slot->last, ml_stats_read_extra_counted);
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
