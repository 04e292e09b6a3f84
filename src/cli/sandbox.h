/* SPDX-License-Identifier: MIT */
/* sandbox.h - whether a process may make fewer system calls than this one. */
#ifndef ML_CLI_SANDBOX_H
#define ML_CLI_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

/* It has seccomp filters beyond those that this process has. Also true when that is not to
 * be learnt. */
bool ml_sandbox_is_around(pid_t pid);

#endif
