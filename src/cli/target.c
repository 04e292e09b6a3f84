/* SPDX-License-Identifier: MIT */
#include "cli/target.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/options.h"
#include "cli/system.h"
#include "os/clock.h"
#include "os/process.h"

/* ---- /proc/PID/stat: "4242 (any name) S 1 ..." --------------------------------------- */

struct state {
    char state;
    int parent;
    unsigned flags;
};

static bool read_state(pid_t pid, struct state *state)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    bool is_read = ml_os_read_file(path, text, sizeof(text)) > 0;
    const char *name_end = is_read ? strrchr(text, ')') : NULL;
    return name_end != NULL && sscanf(name_end, ") %c %d %*d %*d %*d %*d %u", &state->state,
                                      &state->parent, &state->flags) == 3;
}

pid_t ml_target_parent(pid_t pid)
{
    struct state state;
    return read_state(pid, &state) ? (pid_t)state.parent : 0;
}

bool ml_target_stands(const struct ml_target *target)
{
    struct state state;
    pid_t thread = ml_system_thread(target->pid);
    return read_state(thread == 0 ? target->pid : thread, &state) && (state.state == 'T' || state.state == 't');
}

/* ---- /proc/PID/status: lines with a name each ------------------------------------------ */

/* The number in that line; -1: there is none. */
static long read_status(pid_t pid, const char *name)
{
    char path[64], text[4096];
    long number = -1;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    bool is_read = ml_os_read_file(path, text, sizeof(text)) > 0;
    const char *line = is_read ? strstr(text, name) : NULL;
    return line != NULL && sscanf(line + strlen(name), "%ld", &number) == 1 ? number : -1;
}

bool ml_target_is_own(const struct ml_target *target)
{
    return read_status(target->pid, "\nUid:") == (long)getuid();
}

/* ---- whether it can be one ------------------------------------------------------------- */

static bool refuse(const char *word, const char *why)
{
    ml_os_complain("process ", word, ": ", why, NULL);
    return false;
}

static bool refuse_unopened(const char *word, pid_t pid, int error)
{
    long process = read_status(pid, "\nTgid:");
    if (process > 0 && process != pid) {
        fprintf(stderr, "memlog: process %s: it is a thread of process %ld\n", word, process);
        return false;
    }
    return refuse(word, error == ESRCH ? "there is no such process" : ml_os_error_text(error));
}

static bool check_state(const char *word, pid_t pid)
{
    enum { KERNEL_THREAD = 0x200000 }; /* PF_KTHREAD */
    struct state state;
    if (!read_state(pid, &state))
        return refuse(word, "it is hidden from this user in /proc: try sudo");
    if (state.flags & KERNEL_THREAD)
        return refuse(word, "it is a thread of the kernel, which has no memory of its own");
    if ((state.state == 'Z' || state.state == 'X') && ml_system_thread(pid) == 0)
        return refuse(word, "it has ended (a zombie): its memory is gone");
    return true;
}

bool ml_target_open(struct ml_target *target, const char *word)
{
    uint64_t number;
    target->pidfd = -1;
    if (!ml_parse_count(word, &number) || number == 0 || number > INT32_MAX) {
        ml_os_complain("\"", word, "\" is not the number of a process", NULL);
        return false;
    }
    target->pid = (pid_t)number;
    target->pidfd = (int)syscall(SYS_pidfd_open, target->pid, 0);
    if (target->pidfd < 0)
        return refuse_unopened(word, target->pid, errno);
    return check_state(word, target->pid);
}

/* ---- while time goes by ---------------------------------------------------------------- */

enum ml_target_event ml_target_wait(const struct ml_target *target, int leave, uint64_t due_ns)
{
    uint64_t now = ml_os_monotonic_ns();
    uint64_t left = due_ns > now ? due_ns - now : 0;
    struct timespec span = { (time_t)(left / ML_NS_PER_SECOND), (long)(left % ML_NS_PER_SECOND) };
    struct pollfd either[] = { { .fd = leave, .events = POLLIN },
                               { .fd = target->pidfd, .events = POLLIN } };
    if (ppoll(either, 2, &span, NULL) <= 0)
        return ML_TARGET_TIME;
    return either[1].revents != 0 ? ML_TARGET_ENDED : ML_TARGET_LEFT;
}

enum ml_target_event ml_target_wait_for_loader(const struct ml_target *target, int leave)
{
    enum { LOADING_NS = 100 * ML_NS_PER_MS };
    return ml_target_wait(target, leave, ml_os_monotonic_ns() + LOADING_NS);
}
