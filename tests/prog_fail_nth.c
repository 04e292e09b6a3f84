/* SPDX-License-Identifier: MIT */
/* prog_fail_nth.c - runs a program again and again, and lets one system call
 * fail each time: the first one of a kind, then the second, and so on, until
 * the program comes to its end without having made that many.
 *
 *   prog_fail_nth [--all-errors] [--step=N] [--timeout=SECONDS] KIND[,KIND...] PROGRAM ARGUMENT...
 *
 * KIND is a name of the table below, or "all". A step above 1 leaves calls
 * out: for short runs. The program says with a marker (fault_marker.h) from
 * where and up to where its calls count; those of all its threads and forked
 * children do, whoever makes them: most of memlog's calls go through the C
 * library, which makes others for it (a thread's tables, a buffer), and those
 * fail in real life too. A program that calls nothing else in between is hit
 * in memlog only.
 *
 * Of every run is asked: it ends with status 0, in time, and has said at most
 * one line on stderr, which begins with "memlog: ". What the program did
 * wrong it has to find out itself, and say on stdout.
 *
 * A seccomp filter stops the calls in question only, so that a run takes
 * hardly longer than without. Status: 0; 1 when a run went wrong; 77 where
 * nobody may be traced.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_marker.h"

/* ---- what can fail, and how --------------------------------------------------- */

/* SHORT_WRITE is no error number: a part of the bytes is written. */
enum { MOST_CALLS = 4, MOST_ERRORS = 8, SHORT_WRITE = -1 };

struct kind {
    const char *name;
    long calls[MOST_CALLS];  /* up to a -1 */
    int errors[MOST_ERRORS]; /* up to a 0; the first one is what short runs try */
};

static const struct kind kinds[] = {
    { "mmap", { SYS_mmap, -1 }, { ENOMEM, EAGAIN, EPERM } },
    { "munmap", { SYS_munmap, -1 }, { ENOMEM } },
    { "mprotect", { SYS_mprotect, -1 }, { ENOMEM, EACCES } },
    { "madvise", { SYS_madvise, -1 }, { ENOMEM, EAGAIN, EINVAL } },
    { "open", { SYS_open, SYS_openat, -1 }, { EMFILE, EACCES, EINTR, ENOMEM, ENOSPC, EIO } },
    { "read", { SYS_read, SYS_pread64, -1 }, { EIO, EINTR } },
    { "write", { SYS_write, -1 }, { ENOSPC, SHORT_WRITE, EIO, EINTR, EAGAIN, EDQUOT } },
    { "stat", { SYS_fstat, SYS_stat, SYS_newfstatat, -1 }, { EIO, ENOMEM, EACCES } },
    { "fcntl", { SYS_fcntl, -1 }, { EMFILE, EINVAL } },
    { "rename", { SYS_rename, SYS_renameat, SYS_renameat2, -1 }, { EACCES, ENOSPC } },
    { "getcwd", { SYS_getcwd, -1 }, { ENOENT, ENOMEM } },
    { "clone", { SYS_clone, SYS_clone3, SYS_fork, SYS_vfork }, { EAGAIN, ENOMEM } },
    { "futex", { SYS_futex, -1 }, { EINTR, EAGAIN } }, /* waits only */
    { "tgkill", { SYS_tgkill, -1 }, { EAGAIN } },
    { "sigaction", { SYS_rt_sigaction, -1 }, { EINVAL } },
    { "limits", { SYS_prlimit64, SYS_sched_getaffinity, -1 }, { EPERM, EINVAL } },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static bool is_of(const struct kind *kind, long call)
{
    for (int i = 0; i < MOST_CALLS && kind->calls[i] >= 0; i++)
        if (kind->calls[i] == call)
            return true;
    return false;
}

/* ---- the options ---------------------------------------------------------------- */

static bool all_errors;
static long step = 1;
static unsigned timeout_seconds = 20;
static const char *chosen;
static char **program;

static bool is_chosen(const struct kind *kind)
{
    size_t length = strlen(kind->name);
    if (strcmp(chosen, "all") == 0)
        return true;
    for (const char *at = chosen; at != NULL; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (strncmp(at, kind->name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static void usage(void)
{
    fprintf(stderr, "usage: prog_fail_nth [--all-errors] [--step=N] [--timeout=SECONDS] "
                    "all|KIND[,KIND...] PROGRAM [ARGUMENT...]\n");
    exit(99);
}

static void take_options(char **argument)
{
    for (; *argument != NULL && strncmp(*argument, "--", 2) == 0; argument++) {
        if (strcmp(*argument, "--all-errors") == 0)
            all_errors = true;
        else if (sscanf(*argument, "--step=%ld", &step) != 1 &&
                 sscanf(*argument, "--timeout=%u", &timeout_seconds) != 1)
            usage();
    }
    if (argument[0] == NULL || argument[1] == NULL || step < 1)
        usage();
    chosen = argument[0];
    program = argument + 1;
}

/* ---- the traced program ------------------------------------------------------------ */

enum { MOST_FILTER = 64, READ_END = 0, WRITE_END = 1 };

static void add(struct sock_fprog *filter, struct sock_filter instruction)
{
    filter->filter[filter->len++] = instruction;
}

#define LOAD(member) \
    (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define SKIP_UNLESS(value, count) \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, (count))
#define MASK(bits) (struct sock_filter) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (bits))
#define RETURN(action) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, (action))

/* Stop at the kind's calls and at the marker; of futexes at waits. */
static void install_filter(const struct kind *kind)
{
    struct sock_filter instructions[MOST_FILTER];
    struct sock_fprog filter = { .len = 0, .filter = instructions };
    add(&filter, LOAD(nr));
    add(&filter, SKIP_UNLESS(SYS_prctl, 3));
    add(&filter, LOAD(args[0]));
    add(&filter, SKIP_UNLESS(FAULT_MARKER, 1));
    add(&filter, RETURN(SECCOMP_RET_TRACE));
    add(&filter, LOAD(nr));
    for (int i = 0; i < MOST_CALLS && kind->calls[i] >= 0; i++) {
        bool is_futex = kind->calls[i] == SYS_futex;
        add(&filter, SKIP_UNLESS(kind->calls[i], is_futex ? 6 : 1));
        if (is_futex) {
            add(&filter, LOAD(args[1]));
            add(&filter, MASK(FUTEX_CMD_MASK));
            add(&filter, SKIP_UNLESS(FUTEX_WAIT, 1));
            add(&filter, RETURN(SECCOMP_RET_TRACE));
            add(&filter, SKIP_UNLESS(FUTEX_WAIT_BITSET, 1));
        }
        add(&filter, RETURN(SECCOMP_RET_TRACE));
    }
    add(&filter, RETURN(SECCOMP_RET_ALLOW));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        _exit(77);
}

/* In the child: wait for the tracer's word, then be the program. */
static _Noreturn void become_program(const struct kind *kind, int word, int out, int err)
{
    char byte;
    if (read(word, &byte, 1) != 1)
        _exit(77);
    setpgid(0, 0);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    install_filter(kind);
    execv(program[0], program);
    _exit(127);
}

/* ---- tracing one run ------------------------------------------------------------------ */

struct run {
    const struct kind *kind;
    int error;
    long wanted; /* the call that is to fail, from 1 */

    pid_t pid;
    bool counting, began;
    long seen;
    bool hit;
    long hit_call;
    int status; /* of the program */
    bool late;
};

static volatile sig_atomic_t time_is_up;
static void note_time(int signal)
{
    (void)signal;
    time_is_up = 1;
}

/* The stopped call is not made, and gives an error; or writes only a part. */
static void let_fail(struct run *run, pid_t thread, struct user_regs_struct *registers)
{
    run->hit = true;
    run->hit_call = (long)registers->orig_rax;
    if (run->error == SHORT_WRITE) {
        registers->rdx = (registers->rdx + 1) / 2;
    } else {
        registers->orig_rax = (unsigned long long)-1;
        registers->rax = (unsigned long long)-run->error;
    }
    ptrace(PTRACE_SETREGS, thread, NULL, registers);
}

static void at_call(struct run *run, pid_t thread)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, thread, NULL, &registers) != 0)
        return;
    long call = (long)registers.orig_rax;
    if (call == SYS_prctl) {
        run->counting = registers.rsi != 0;
        run->began |= run->counting;
    } else if (run->counting && is_of(run->kind, call) && ++run->seen == run->wanted) {
        let_fail(run, thread, &registers);
    }
}

/* What a stopped thread goes on with: a signal that was on its way to it. */
static int after_stop(struct run *run, pid_t thread, int status)
{
    int event = status >> 16;
    if (event == PTRACE_EVENT_SECCOMP)
        at_call(run, thread);
    return event == 0 ? WSTOPSIG(status) : 0;
}

/* Until the program and all that it forked are gone. */
static void trace(struct run *run)
{
    int status;
    for (;;) {
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0 && errno == EINTR) {
            if (time_is_up && !run->late) {
                run->late = true;
                kill(-run->pid, SIGKILL);
                kill(run->pid, SIGKILL);
            }
            continue;
        }
        if (thread < 0)
            return;
        if (WIFSTOPPED(status))
            ptrace(PTRACE_CONT, thread, NULL, (long)after_stop(run, thread, status));
        else if (thread == run->pid)
            run->status = status;
    }
}

static bool seize(pid_t pid)
{
    const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
    return ptrace(PTRACE_SEIZE, pid, NULL, options) == 0;
}

static _Noreturn void skip(const char *why)
{
    printf("%s: %s\n", why, strerror(errno));
    exit(77);
}

/* The streams take what the program says. */
static void run_once(struct run *run, FILE *out, FILE *err)
{
    int word[2];
    if (pipe(word) != 0)
        exit(99);
    fflush(stdout);
    run->pid = fork();
    if (run->pid < 0)
        exit(99);
    if (run->pid == 0)
        become_program(run->kind, word[READ_END], fileno(out), fileno(err));
    if (!seize(run->pid)) {
        kill(run->pid, SIGKILL);
        skip("no program may be traced here");
    }
    time_is_up = 0;
    alarm(timeout_seconds);
    if (write(word[WRITE_END], "", 1) != 1)
        exit(99);
    close(word[READ_END]);
    close(word[WRITE_END]);
    trace(run);
    alarm(0);
    if (WIFEXITED(run->status) && WEXITSTATUS(run->status) == 77 && !run->began)
        skip("no system call may be filtered here, or the program skips");
}

/* ---- the verdict ------------------------------------------------------------------------ */

/* How many lines were said; *strange when one is not memlog's. */
static unsigned count_lines(FILE *said, bool *strange)
{
    char line[2048];
    unsigned count = 0;
    rewind(said);
    for (; fgets(line, sizeof(line), said) != NULL; count++)
        *strange |= strncmp(line, "memlog: ", 8) != 0;
    return count;
}

static void show(const char *name, FILE *said)
{
    char line[2048];
    rewind(said);
    while (fgets(line, sizeof(line), said) != NULL)
        printf("    %s: %s", name, line);
}

static const char *what_went_wrong(const struct run *run, FILE *err)
{
    bool strange = false;
    unsigned lines = count_lines(err, &strange);
    if (run->late)
        return "does not come to an end";
    if (WIFSIGNALED(run->status))
        return strsignal(WTERMSIG(run->status));
    if (WEXITSTATUS(run->status) != 0)
        return "ends with another status than 0";
    if (!run->began)
        return "has not said from where its calls count";
    if (strange || lines > (run->hit ? 1 : 0))
        return "says too much";
    return NULL;
}

static const char *error_name(int error)
{
    return error == SHORT_WRITE ? "half of it" : strerrorname_np(error);
}

/* True when the program was all right. */
static bool judge(const struct run *run, FILE *out, FILE *err)
{
    const char *wrong = what_went_wrong(run, err);
    if (wrong == NULL)
        return true;
    printf("FAIL: %s number %ld (%s%s): %s\n", run->kind->name, run->wanted,
           run->hit ? "" : "not reached, ", error_name(run->error), wrong);
    show("stdout", out);
    show("stderr", err);
    return false;
}

/* ---- all runs ----------------------------------------------------------------------------- */

static bool fail_each(const struct kind *kind, int error)
{
    long failures = 0, runs = 0;
    for (long wanted = 1;; wanted += step) {
        struct run run = { .kind = kind, .error = error, .wanted = wanted };
        FILE *out = tmpfile(), *err = tmpfile();
        if (out == NULL || err == NULL)
            skip("no temporary files");
        run_once(&run, out, err);
        failures += !judge(&run, out, err);
        fclose(out);
        fclose(err);
        if (!run.hit)
            break;
        runs++;
    }
    printf("%s, %s: %ld failed calls, %ld bad ends\n", kind->name, error_name(error), runs,
           failures);
    return failures == 0;
}

int main(int count, char **arguments)
{
    bool good = true;
    if (count < 3)
        usage();
    take_options(arguments + 1);
    struct sigaction action = { .sa_handler = note_time };
    sigaction(SIGALRM, &action, NULL);
    for (int i = 0; i < KINDS; i++)
        for (int error = 0; is_chosen(&kinds[i]) && error < MOST_ERRORS; error++)
            if (kinds[i].errors[error] != 0 && (error == 0 || all_errors))
                good &= fail_each(&kinds[i], kinds[i].errors[error]);
    return good ? 0 : 1;
}
