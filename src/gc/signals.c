/* SPDX-License-Identifier: MIT */
#include "gc/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "gc/real.h"
#include "gc/stopworld.h"

/* ---- masks -------------------------------------------------------------------- */

enum { KERNEL_SIGSET_BYTES = 8, LIBC_FIRST = 32, LIBC_LAST = 33 };

/* A copy of the set without the stop signal. */
static const sigset_t *without_ours(const sigset_t *set, sigset_t *copy)
{
    int signal = ml_stopworld_signal();
    if (set == NULL || signal == 0)
        return set;
    *copy = *set;
    (void)sigdelset(copy, signal);
    return copy;
}

/* As the C library does it: its own two signals can't be blocked either. */
static int change_mask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;
    if (set != NULL && how != SIG_UNBLOCK) {
        copy = *set;
        uint64_t bits;
        memcpy(&bits, &copy, sizeof(bits));
        bits &= ~(((uint64_t)1 << (LIBC_FIRST - 1)) | ((uint64_t)1 << (LIBC_LAST - 1)));
        if (ml_stopworld_signal() != 0)
            bits &= ~((uint64_t)1 << (ml_stopworld_signal() - 1));
        memcpy(&copy, &bits, sizeof(bits));
        set = &copy;
    }
    if (old != NULL)
        memset(old, 0, sizeof(*old));
    return syscall(SYS_rt_sigprocmask, how, set, old, KERNEL_SIGSET_BYTES) == 0 ? 0 : errno;
}

EXPORT int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    int saved_errno = errno;
    int error = change_mask(how, set, old);
    errno = saved_errno;
    return error;
}

EXPORT int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    int saved_errno = errno;
    int error = change_mask(how, set, old);
    errno = error != 0 ? error : saved_errno;
    return error != 0 ? -1 : 0;
}

EXPORT int sigwait(const sigset_t *restrict set, int *restrict signal)
{
    typedef int wait_function(const sigset_t *, int *);
    sigset_t copy;
    return REAL(wait_function *, "sigwait")(without_ours(set, &copy), signal);
}

EXPORT int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
    typedef int wait_function(const sigset_t *, siginfo_t *);
    sigset_t copy;
    return REAL(wait_function *, "sigwaitinfo")(without_ours(set, &copy), info);
}

EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
                        const struct timespec *restrict timeout)
{
    typedef int wait_function(const sigset_t *, siginfo_t *, const struct timespec *);
    sigset_t copy;
    return REAL(wait_function *, "sigtimedwait")(without_ours(set, &copy), info, timeout);
}

/* ---- waits with a mask of their own ---------------------------------------------- */

EXPORT int sigsuspend(const sigset_t *set)
{
    typedef int wait_function(const sigset_t *);
    sigset_t copy;
    return REAL(wait_function *, "sigsuspend")(without_ours(set, &copy));
}

EXPORT int pselect(int count, fd_set *restrict in, fd_set *restrict out, fd_set *restrict exceptions,
                   const struct timespec *restrict timeout, const sigset_t *restrict set)
{
    typedef int wait_function(int, fd_set *, fd_set *, fd_set *, const struct timespec *,
                              const sigset_t *);
    sigset_t copy;
    return REAL(wait_function *, "pselect")(count, in, out, exceptions, timeout,
                                            without_ours(set, &copy));
}

EXPORT int ppoll(struct pollfd *files, nfds_t count, const struct timespec *timeout,
                 const sigset_t *set)
{
    typedef int wait_function(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    sigset_t copy;
    return REAL(wait_function *, "ppoll")(files, count, timeout, without_ours(set, &copy));
}

EXPORT int epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
                       const sigset_t *set)
{
    typedef int wait_function(int, struct epoll_event *, int, int, const sigset_t *);
    sigset_t copy;
    return REAL(wait_function *, "epoll_pwait")(epoll, events, count, timeout,
                                                without_ours(set, &copy));
}

EXPORT int epoll_pwait2(int epoll, struct epoll_event *events, int count,
                        const struct timespec *timeout, const sigset_t *set)
{
    typedef int wait_function(int, struct epoll_event *, int, const struct timespec *,
                              const sigset_t *);
    sigset_t copy;
    return REAL(wait_function *, "epoll_pwait2")(epoll, events, count, timeout,
                                                 without_ours(set, &copy));
}

/* ---- handlers ----------------------------------------------------------------------- */

int ml_real_sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    typedef int action_function(int, const struct sigaction *, struct sigaction *);
    return REAL(action_function *, "sigaction")(signal, action, old);
}

/* As for the C library's own signals. A program that resets all signals goes
 * on to the next. */
static bool refuses(int signal)
{
    bool ours = signal != 0 && signal == ml_stopworld_signal();
    if (ours)
        errno = EINVAL;
    return ours;
}

EXPORT int sigaction(int signal, const struct sigaction *restrict action,
                     struct sigaction *restrict old)
{
    if (refuses(signal))
        return -1;
    if (action == NULL)
        return ml_real_sigaction(signal, NULL, old);
    /* A handler may run for long, and must not hold off a stop. */
    struct sigaction open = *action;
    (void)without_ours(&action->sa_mask, &open.sa_mask);
    return ml_real_sigaction(signal, &open, old);
}

typedef sighandler_t set_function(int, sighandler_t);

EXPORT sighandler_t signal(int number, sighandler_t handler)
{
    return refuses(number) ? SIG_ERR : REAL(set_function *, "signal")(number, handler);
}

EXPORT sighandler_t sysv_signal(int number, sighandler_t handler)
{
    return refuses(number) ? SIG_ERR : REAL(set_function *, "sysv_signal")(number, handler);
}

/* What signal() is in a program that asks for X/Open's. */
EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler)
{
    return sysv_signal(number, handler);
}

EXPORT sighandler_t sigset(int number, sighandler_t handler)
{
    return refuses(number) ? SIG_ERR : REAL(set_function *, "sigset")(number, handler);
}

EXPORT int sigignore(int number)
{
    typedef int ignore_function(int);
    return refuses(number) ? -1 : REAL(ignore_function *, "sigignore")(number);
}
