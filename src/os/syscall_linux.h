/* SPDX-License-Identifier: MIT */
/* syscall_linux.h - system calls without the C library in between.
 *
 * For the calls that memlog makes inside malloc, in signal handlers and in
 * forked children: errno stays as it was, no call is a cancellation point
 * (a program's thread may not be cancelled while it holds a lock of ours),
 * and nobody's interposed read() or sigprocmask() is entered. Memory mappings
 * go through the C library: sanitizers have to see those.
 */
#ifndef ML_OS_SYSCALL_LINUX_H
#define ML_OS_SYSCALL_LINUX_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef __x86_64__
#error "memlog's system calls are written for x86_64"
#endif

/* The kernel's set of signals: bit n - 1 for signal n. */
enum { ML_KERNEL_SIGSET_BYTES = 8 };

/* The call's result, or -errno. */
static inline long ml_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
static inline long ml_syscall4(long number, long a, long b, long c, long d)
{
    return ml_syscall6(number, a, b, c, d, 0, 0);
}
static inline long ml_syscall3(long number, long a, long b, long c)
{
    return ml_syscall6(number, a, b, c, 0, 0, 0);
}

/* A descriptor to read path from, or -errno. */
static inline int ml_sys_open_read(const char *path)
{
    enum { AT_THE_WORKING_DIRECTORY = -100, READ_ONLY_CLOSE_ON_EXEC = 02000000 };
    long fd;
    do
        fd = ml_syscall4(SYS_openat, AT_THE_WORKING_DIRECTORY, (long)path, READ_ONLY_CLOSE_ON_EXEC,
                         0);
    while (fd == -EINTR);
    return (int)fd;
}
/* Bytes read, 0 at the end, or -errno. */
static inline long ml_sys_read(int fd, void *buffer, size_t count)
{
    long got;
    do
        got = ml_syscall3(SYS_read, fd, (long)buffer, (long)count);
    while (got == -EINTR);
    return got;
}
/* Not repeated: Linux has given the descriptor back even when it says EINTR. */
static inline void ml_sys_close(int fd)
{
    ml_syscall3(SYS_close, fd, 0, 0);
}

/* how: SIG_BLOCK, SIG_SETMASK, ...; old may be NULL. 0 or -errno. */
static inline int ml_sys_sigmask(int how, const uint64_t *set, uint64_t *old)
{
    return (int)ml_syscall4(SYS_rt_sigprocmask, how, (long)set, (long)old, ML_KERNEL_SIGSET_BYTES);
}

/* Can the word around address be read? The kernel looks at the set before it
 * looks at what to do with it, and does nothing for an unknown action. */
static inline bool ml_sys_is_readable(uintptr_t address)
{
    enum { NO_SUCH_ACTION = 99 };
    uintptr_t word = address & ~(uintptr_t)(sizeof(uint64_t) - 1);
    return ml_sys_sigmask(NO_SUCH_ACTION, (const uint64_t *)word, NULL) == -EINVAL;
}

#endif
