/* SPDX-License-Identifier: MIT */
/* claim.h - two that write one log would make neither readable: whose a file is. */
#ifndef ML_CLI_CLAIM_H
#define ML_CLI_CLAIM_H

#include <stdbool.h>
#include <sys/types.h>

/* Take the log at path, until this process ends. False after one line on stderr: a program
 * logs there (preload/log.h has the lock), or that process does, or one that it comes from, as the
 * memlog run over it, has it open to write. */
bool ml_claim_log(const char *path, pid_t pid);

#endif
