/* SPDX-License-Identifier: MIT */
/* command.h - a shell command beside the program: as if whoever started memlog run had
 * typed it, without memlog in it. Nobody waits for it; its end comes as child.h's others do.
 */
#ifndef ML_CLI_COMMAND_H
#define ML_CLI_COMMAND_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

/* What this process was started with, and has changed for the program since. */
struct ml_command_origin {
    char **environment;
    sigset_t mask;
};

/* Before anything is changed. 0 or an errno's negative. */
int ml_command_remember(struct ml_command_origin *origin);
/* /bin/sh -c TEXT in a process group of its own, its input /dev/null, with those variables
 * ("NAME=value") in its environment. Its pid, or an errno's negative. */
pid_t ml_command_start(const struct ml_command_origin *origin, const char *text,
                       char *const *variables, size_t count);

#endif
