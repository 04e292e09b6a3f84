/* SPDX-License-Identifier: MIT */
/* target.h - the process that memlog looks at: that there is one with that number, and that it
 * stays the same one. */
#ifndef ML_CLI_TARGET_H
#define ML_CLI_TARGET_H

#include <stdbool.h>
#include <stdint.h>
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
/* Whether it was stopped: by a signal, or by a debugger. */
bool ml_target_stands(const struct ml_target *target);
/* Whether it is a process of this user's. Where that is not to be learnt: false. */
bool ml_target_is_own(const struct ml_target *target);

enum ml_target_event { ML_TARGET_TIME, ML_TARGET_ENDED, ML_TARGET_LEFT };
/* Until then (monotonic), or until its end, or until `leave` can be read (-1: nobody says so). */
enum ml_target_event ml_target_wait(const struct ml_target *target, int leave, uint64_t due_ns);
/* The loader has not mapped all of a program at its first moment. */
enum ml_target_event ml_target_wait_for_loader(const struct ml_target *target, int leave);

#endif
