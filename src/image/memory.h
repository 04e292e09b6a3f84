/* SPDX-License-Identifier: MIT */
/* memory.h - another process's memory: where bytes come from. */
#ifndef ML_IMAGE_MEMORY_H
#define ML_IMAGE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* A living process, a core file. 0 or -errno, all or nothing. */
struct ml_memory {
    int (*read)(void *context, uintptr_t address, void *to, size_t bytes);
    void *context;
};

/* The memory of a living process (process_vm_readv, else /proc/PID/mem); the context is its
 * pid_t. -ESRCH: it is gone; -EPERM: the system does not allow it; -EFAULT. */
int ml_memory_of_process(void *pid, uintptr_t address, void *to, size_t bytes);

#endif
