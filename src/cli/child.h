/* SPDX-License-Identifier: MIT */
/* child.h - the program as a child: started, sent the signals that are meant for
 * it, waited for.
 *
 * What the terminal sends goes to both of us; what others send to us alone is
 * passed on. When the program stops, so do we where there is a terminal, so that the shell
 * sees a job that stopped. Every child's end is taken, for as the first process of a container
 * we get each orphan.
 */
#ifndef ML_CLI_CHILD_H
#define ML_CLI_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ml_child {
    pid_t pid;
    int signals; /* a descriptor: readable when a signal has come */
    bool ended;
    int status;  /* as wait() gives it */

    /* Called with the end of each other child of this process; the caller's, may be NULL. */
    void (*other_ended)(void *argument, pid_t pid, int status);
    void *argument;
};

/* Start the program with these arguments and this environment, with the signal mask and
 * actions this process was started with. `ready` is called in this process, with the pid,
 * before the program begins, which it does not when that returns false (-1 then). 0, or the
 * errno of execve or fork. */
int ml_child_start(struct ml_child *child, const char *path, char *const *arguments,
                   char *const *environment, bool (*ready)(void *argument, pid_t pid),
                   void *argument);
/* Take the signals that have come. */
void ml_child_handle_signals(struct ml_child *child);
/* Its exit status, as a shell gives it: 128 and the number for a signal. */
int ml_child_exit_status(const struct ml_child *child);

#endif
