/* SPDX-License-Identifier: MIT */
/* target.h - the process that memlog attaches to: that there is one with that number, and
 * that it stays the same one. */
#ifndef ML_CLI_TARGET_H
#define ML_CLI_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

struct ml_target {
    pid_t pid;
    int pidfd; /* readable when it has ended; nobody else can become what it means */
};

/* The process whose number the word is. False after one line on stderr that says why it
 * can't be: no number, no such process, a thread, a zombie, a thread of the kernel. */
bool ml_target_open(struct ml_target *target, const char *word);
/* 0: none, or that is not to be learnt. */
pid_t ml_target_parent(pid_t pid);

#endif
