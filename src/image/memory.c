/* SPDX-License-Identifier: MIT */
#include "image/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/process.h"

static bool has_no_memory(pid_t pid)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    return ml_os_rss_bytes_of(path) == 0;
}

/* The same by a file, for which the kernel's own rules are the same. What it answers where a
 * process has ended differs with the version and the user. */
static int read_through_file(pid_t pid, uintptr_t address, void *to, size_t bytes)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, to, bytes, (off_t)address);
    if (fd >= 0)
        close(fd);
    if (got == (ssize_t)bytes)
        return 0;
    if (has_no_memory(pid))
        return -ESRCH;
    return fd < 0 ? -EPERM : -EFAULT;
}

/* Seccomp profiles of older container engines refuse the call to whoever has no CAP_SYS_PTRACE. */
int ml_memory_of_process(void *pid, uintptr_t address, void *to, size_t bytes)
{
    struct iovec here = { to, bytes }, there = { (void *)address, bytes };
    ssize_t got = process_vm_readv(*(const pid_t *)pid, &here, 1, &there, 1, 0);
    if (got < 0 && (errno == EPERM || errno == ENOSYS))
        return read_through_file(*(const pid_t *)pid, address, to, bytes);
    if (got < 0)
        return -errno;
    return (size_t)got == bytes ? 0 : -EFAULT;
}
