/* SPDX-License-Identifier: MIT */
/* space.h - the address space of another process, as it was when it was opened.
 *
 * It is held by descriptors of /proc that stay with it: when the process becomes another
 * program, reading says so and never gives bytes of the new one; when it becomes another
 * user, reading goes on. Where /proc/PID/mem can't be had, process_vm_readv is asked, which
 * knows neither.
 */
#ifndef ML_CLI_SPACE_H
#define ML_CLI_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ml_space {
    pid_t pid;  /* or another thread's, where the first has ended */
    int memory; /* -1: process_vm_readv */
    int maps;   /* the list of its mappings; -1: it can't be had */
};

/* 0, or -errno when its memory can't be read: -EPERM, -ESRCH (it has ended). Its list
 * may be there all the same. To be closed in both cases. */
int ml_space_open(struct ml_space *space, pid_t pid);
void ml_space_close(struct ml_space *space);
/* For struct ml_memory (image.h); the context is a struct ml_space. -ESTALE: the process has
 * become another program; -ESRCH: it is ending or has ended. */
int ml_space_read(void *space, uintptr_t address, void *to, size_t bytes);
/* Whether the process runs another program by now. Where that is not to be learnt: false. */
bool ml_space_was_left(const struct ml_space *space);

#endif
