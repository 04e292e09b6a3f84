/* SPDX-License-Identifier: MIT */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- starting ------------------------------------------------------------------ */

/* What would end or stop this process, or tells of the child. Not SIGTTIN and SIGTTOU: they
 * come of what a process does itself. */
static sigset_t signals_of_interest(void)
{
    sigset_t set;
    sigfillset(&set);
    const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGTTIN, SIGTTOU,
                        SIGPIPE };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        sigdelset(&set, own[i]);
    return set;
}

/* In the child. The pipe closes itself when the program has begun. */
_Noreturn static void become(const char *path, char *const *arguments, char *const *environment,
                             int go, int failure)
{
    char word;
    if (read(go, &word, 1) == 1)
        execve(path, arguments, environment);
    else
        errno = ECHILD; /* the parent has gone */
    int error = errno;
    ssize_t written = write(failure, &error, sizeof(error));
    (void)written;
    _exit(127);
}

/* The errno of its execve, or 0 when the program has begun. */
static int wait_for_exec(int failure)
{
    int error = 0;
    ssize_t got;
    while ((got = read(failure, &error, sizeof(error))) < 0 && errno == EINTR) {
    }
    return got == sizeof(error) ? error : 0;
}

static int let_go(pid_t pid, int go, int failure, bool (*ready)(void *argument, pid_t pid),
                  void *argument)
{
    bool is_ready = ready(argument, pid);
    ssize_t written = is_ready ? write(go, "", 1) : 0;
    (void)written;
    close(go);
    int error = wait_for_exec(failure);
    if (error != 0)
        waitpid(pid, NULL, 0);
    return is_ready ? error : -1;
}

static int make_pipes(int go[2], int failure[2])
{
    if (pipe2(go, O_CLOEXEC) != 0)
        return errno;
    if (pipe2(failure, O_CLOEXEC) == 0)
        return 0;
    int error = errno;
    close(go[0]);
    close(go[1]);
    return error;
}

int ml_child_start(struct ml_child *child, const char *path, char *const *arguments,
                   char *const *environment, bool (*ready)(void *argument, pid_t pid),
                   void *argument)
{
    int go[2], failure[2];
    sigset_t set = signals_of_interest(), before;
    *child = (struct ml_child){ .pid = -1, .signals = -1 };
    int error = make_pipes(go, failure);
    if (error != 0)
        return error;
    /* Where it is ignored, ends are not told. */
    struct sigaction tell = { .sa_handler = SIG_DFL }, was;
    sigaction(SIGCHLD, &tell, &was);
    sigprocmask(SIG_BLOCK, &set, &before);
    child->pid = fork();
    if (child->pid == 0) {
        close(go[1]);
        close(failure[0]);
        sigaction(SIGCHLD, &was, NULL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        become(path, arguments, environment, go[0], failure[1]);
    }
    error = child->pid < 0 ? errno : 0;
    close(go[0]);
    close(failure[1]);
    if (error == 0)
        error = let_go(child->pid, go[1], failure[0], ready, argument);
    else
        close(go[1]);
    close(failure[0]);
    if (error == 0)
        child->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return error;
}

/* ---- what comes ------------------------------------------------------------------- */

/* So that the shell gets its terminal back, which continues the whole job later. Where
 * there is no terminal nobody would: who continues the program need not know of us. */
static void stop_with_it(const struct ml_child *child)
{
    int terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (terminal < 0)
        return;
    close(terminal);
    raise(SIGSTOP);
    kill(child->pid, SIGCONT);
}

static void take_ends(struct ml_child *child)
{
    int status;
    pid_t pid;
    while (!child->ended && (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (WIFSTOPPED(status)) {
            if (pid == child->pid)
                stop_with_it(child);
            continue;
        }
        if (pid != child->pid) {
            if (child->other_ended != NULL)
                child->other_ended(child->argument, pid, status);
            continue;
        }
        child->ended = true;
        child->status = status;
    }
}

/* The terminal's go to all of the group, the program among them. Others that the kernel
 * sends were meant for the program: an alarm that was set before the exec of memlog. */
static bool is_of_terminal(const struct signalfd_siginfo *info)
{
    const uint32_t those[] = { SIGINT, SIGQUIT, SIGTSTP, SIGHUP, SIGCONT, SIGWINCH };
    if (info->ssi_code != SI_KERNEL)
        return false;
    for (size_t i = 0; i < sizeof(those) / sizeof(those[0]); i++)
        if (info->ssi_signo == those[i])
            return true;
    return false;
}

void ml_child_handle_signals(struct ml_child *child)
{
    struct signalfd_siginfo info;
    while (read(child->signals, &info, sizeof(info)) == sizeof(info)) {
        bool is_ours = info.ssi_signo == SIGCHLD || is_of_terminal(&info);
        if (!is_ours && info.ssi_pid != (uint32_t)child->pid)
            kill(child->pid, (int)info.ssi_signo);
    }
    take_ends(child);
}

int ml_child_exit_status(const struct ml_child *child)
{
    enum { SIGNALLED = 128 };
    return WIFSIGNALED(child->status) ? SIGNALLED + WTERMSIG(child->status)
                                      : WEXITSTATUS(child->status);
}
