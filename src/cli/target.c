/* SPDX-License-Identifier: MIT */
#include "cli/target.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/options.h"
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

/* ---- whether it can be one ------------------------------------------------------------- */

static bool refuse(const char *word, const char *why)
{
    ml_os_complain("process ", word, ": ", why, NULL);
    return false;
}

/* The process that the thread is of; 0: there is no such thread. */
static int process_of_thread(pid_t tid)
{
    char path[64], text[4096];
    int process = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    bool is_read = ml_os_read_file(path, text, sizeof(text)) > 0;
    const char *line = is_read ? strstr(text, "\nTgid:") : NULL;
    return line != NULL && sscanf(line, "\nTgid: %d", &process) == 1 ? process : 0;
}

static bool refuse_unopened(const char *word, pid_t pid, int error)
{
    int process = process_of_thread(pid);
    if (process != 0 && process != pid) {
        fprintf(stderr, "memlog: process %s: it is a thread of process %d\n", word, process);
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
    if (state.state == 'Z' || state.state == 'X')
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
