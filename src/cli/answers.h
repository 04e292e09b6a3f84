/* SPDX-License-Identifier: MIT */
/* answers.h - memlog run answers for the processes under it (log/control.h): a mailbox for
 * each, and nothing to do while nobody writes.
 */
#ifndef ML_CLI_ANSWERS_H
#define ML_CLI_ANSWERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/recorder.h"

/* What can't be had is done without, in silence: no answers, then. `wanted`:
 * MEMLOG_CONTROL. Before there are other processes to wait for. */
void ml_answers_open(bool wanted);
/* Readable when somebody asks; -1: nobody can. */
int ml_answers_fd(void);
/* Answer who has asked. */
void ml_answers_give(void);

struct ml_answerer;
/* For this process its recorder has the numbers. NULL: it can't be asked. */
struct ml_answerer *ml_answers_add(pid_t pid, struct ml_recorder *recorder);
/* Before its recorder is closed. NULL: nothing. */
void ml_answers_remove(struct ml_answerer *answerer);

#endif
