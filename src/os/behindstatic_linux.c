/* SPDX-License-Identifier: MIT */
/* behindstatic_linux.c - the functions behind ours in a static program (glibc 2.34 and later). */
#include "os/behind.h"

#include <errno.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

#include "base/bits.h"

enum { KERNEL_SIGSET_BYTES = 8 };

/* ---- threads -------------------------------------------------------------------------- */

/* Names that only the static C library has: weak, so that other programs can be linked
 * with the same archive. */
typedef void *start_function(void *);
extern int second_create(pthread_t *, const pthread_attr_t *, start_function *, void *)
    __asm__("__pthread_create") __attribute__((weak));
extern void second_exit(void *) __asm__("__pthread_exit") __attribute__((weak));
extern int second_join(pthread_t, void **) __asm__("__pthread_join") __attribute__((weak));
extern int second_clockjoin(pthread_t, void **, clockid_t, const struct timespec *, bool)
    __asm__("__pthread_clockjoin_ex") __attribute__((weak));
extern int second_detach(pthread_t) __asm__("__pthread_detach") __attribute__((weak));

/* What is weak has nothing linked for it. These, which all programs can have, have: each is a
 * caller of one of the above. */
__attribute__((used)) static void *const callers[] = { (void *)mq_notify, (void *)thrd_exit,
                                                       (void *)thrd_join, (void *)thrd_detach };

static int tryjoin(pthread_t thread, void **result)
{
    const struct timespec past = { 0, 0 };
    int error = second_clockjoin(thread, result, CLOCK_REALTIME, &past, true);
    return error == ETIMEDOUT ? EBUSY : error;
}

static int timedjoin(pthread_t thread, void **result, const struct timespec *until)
{
    return second_clockjoin(thread, result, CLOCK_REALTIME, until, true);
}

static int clockjoin(pthread_t thread, void **result, clockid_t clock, const struct timespec *until)
{
    return second_clockjoin(thread, result, clock, until, true);
}

/* The register in which a pointer is returned has the int in its lower half, which is where
 * thrd_join takes it from. */
static int create_c11(thrd_t *thread, thrd_start_t start, void *argument)
{
    union {
        thrd_start_t c11;
        start_function *posix;
    } same = { .c11 = start };
    int error = second_create(thread, NULL, same.posix, argument);
    return error == 0 ? thrd_success : error == ENOMEM ? thrd_nomem : thrd_error;
}

/* ---- waits with a mask of their own ------------------------------------------------------ */

extern int second_sigsuspend(const sigset_t *) __asm__("__sigsuspend");

/* A system call that is a cancellation point. */
#define CANCELLABLE(...)                                                    \
    ({                                                                      \
        int type_;                                                          \
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type_);         \
        long result_ = syscall(__VA_ARGS__);                                \
        pthread_setcanceltype(type_, NULL);                                 \
        (int)result_;                                                       \
    })

static int wait_timed(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    return CANCELLABLE(SYS_rt_sigtimedwait, set, info, timeout, KERNEL_SIGSET_BYTES);
}

static int wait_info(const sigset_t *set, siginfo_t *info) { return wait_timed(set, info, NULL); }

static int wait_plain(const sigset_t *set, int *signal)
{
    int saved = errno, got;
    while ((got = wait_info(set, NULL)) < 0 && errno == EINTR)
        ;
    int error = got < 0 ? errno : 0;
    errno = saved;
    if (error == 0)
        *signal = got;
    return error;
}

/* The kernel writes the time that is left into a copy. */
static int poll_masked(struct pollfd *files, nfds_t count, const struct timespec *timeout,
                       const sigset_t *set)
{
    struct timespec left = timeout == NULL ? (struct timespec){ 0, 0 } : *timeout;
    return CANCELLABLE(SYS_ppoll, files, count, timeout == NULL ? NULL : &left, set,
                       KERNEL_SIGSET_BYTES);
}

static int select_masked(int count, fd_set *in, fd_set *out, fd_set *exceptions,
                         const struct timespec *timeout, const sigset_t *set)
{
    struct timespec left = timeout == NULL ? (struct timespec){ 0, 0 } : *timeout;
    struct {
        const sigset_t *set;
        size_t bytes;
    } mask = { set, KERNEL_SIGSET_BYTES };
    return CANCELLABLE(SYS_pselect6, count, in, out, exceptions, timeout == NULL ? NULL : &left,
                       &mask);
}

static int epoll_masked(int epoll, struct epoll_event *events, int count, int timeout,
                        const sigset_t *set)
{
    return CANCELLABLE(SYS_epoll_pwait, epoll, events, count, timeout, set, KERNEL_SIGSET_BYTES);
}

static int epoll_masked_2(int epoll, struct epoll_event *events, int count,
                          const struct timespec *timeout, const sigset_t *set)
{
    return CANCELLABLE(SYS_epoll_pwait2, epoll, events, count, timeout, set, KERNEL_SIGSET_BYTES);
}

/* ---- handlers ------------------------------------------------------------------------------ */

extern int second_sigaction(int, const struct sigaction *, struct sigaction *)
    __asm__("__sigaction");
extern sighandler_t second_signal(int, sighandler_t) __asm__("bsd_signal");

static sighandler_t set_handler(int signal, sighandler_t handler, int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags }, old;
    return second_sigaction(signal, &action, &old) != 0 ? SIG_ERR : old.sa_handler;
}

static sighandler_t set_once(int signal, sighandler_t handler)
{
    return set_handler(signal, handler, (int)(SA_RESETHAND | SA_NODEFER));
}

static int ignore(int signal) { return set_handler(signal, SIG_IGN, 0) == SIG_ERR ? -1 : 0; }

/* System V's: to hold a signal back is a disposition, too. */
static sighandler_t set_or_hold(int signal, sighandler_t handler)
{
    struct sigaction old;
    sigset_t one, before;
    sigemptyset(&one);
    if (sigaddset(&one, signal) != 0 || second_sigaction(signal, NULL, &old) != 0)
        return SIG_ERR;
    if (handler != SIG_HOLD && set_handler(signal, handler, 0) == SIG_ERR)
        return SIG_ERR;
    (void)sigprocmask(handler == SIG_HOLD ? SIG_BLOCK : SIG_UNBLOCK, &one, &before);
    return sigismember(&before, signal) == 1 ? SIG_HOLD : old.sa_handler;
}

/* ---- sorting --------------------------------------------------------------------------------- */

struct order {
    char *array;
    size_t size;
    int (*compare)(const void *, const void *, void *);
    void *argument;
};

static bool is_less(const struct order *order, size_t a, size_t b)
{
    return order->compare(order->array + a * order->size, order->array + b * order->size,
                          order->argument) < 0;
}

/* Word by word where that goes: a collection meanwhile finds each address somewhere whole. */
static void swap(const struct order *order, size_t a, size_t b)
{
    char *one = order->array + a * order->size, *other = order->array + b * order->size;
    for (size_t at = 0; at < order->size;) {
        uintptr_t held, moved;
        size_t bytes = ml_min(order->size - at, sizeof(held));
        memcpy(&held, one + at, bytes);
        memcpy(&moved, other + at, bytes);
        memcpy(one + at, &moved, bytes);
        memcpy(other + at, &held, bytes);
        at += bytes;
    }
}

static void sift(const struct order *order, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_less(order, child, child + 1))
            child++;
        if (!is_less(order, at, child))
            return;
        swap(order, at, child);
    }
}

/* A heap sort: it takes no memory, and no order of elements makes it slow. */
static void sort_with(void *array, size_t count, size_t size,
                      int (*compare)(const void *, const void *, void *), void *argument)
{
    const struct order order = { array, size, compare, argument };
    for (size_t at = count / 2; at-- > 0;)
        sift(&order, at, count);
    for (size_t left = count; left-- > 1;) {
        swap(&order, 0, left);
        sift(&order, 0, left);
    }
}

static int compare_plainly(const void *a, const void *b, void *argument)
{
    int (*const *compare)(const void *, const void *) = argument;
    return (*compare)(a, b);
}

static void sort(void *array, size_t count, size_t size, int (*compare)(const void *, const void *))
{
    sort_with(array, count, size, compare_plainly, &compare);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void *function;
} functions[] = {
    { "pthread_create", (void *)second_create },
    { "pthread_exit", (void *)second_exit },
    { "pthread_join", (void *)second_join },
    { "pthread_tryjoin_np", (void *)tryjoin },
    { "pthread_timedjoin_np", (void *)timedjoin },
    { "pthread_clockjoin_np", (void *)clockjoin },
    { "pthread_detach", (void *)second_detach },
    { "thrd_create", (void *)create_c11 },
    { "sigsuspend", (void *)second_sigsuspend },
    { "sigwait", (void *)wait_plain },
    { "sigwaitinfo", (void *)wait_info },
    { "sigtimedwait", (void *)wait_timed },
    { "ppoll", (void *)poll_masked },
    { "pselect", (void *)select_masked },
    { "epoll_pwait", (void *)epoll_masked },
    { "epoll_pwait2", (void *)epoll_masked_2 },
    { "sigaction", (void *)second_sigaction },
    { "signal", (void *)second_signal },
    { "sysv_signal", (void *)set_once },
    { "sigset", (void *)set_or_hold },
    { "sigignore", (void *)ignore },
    { "qsort", (void *)sort },
    { "qsort_r", (void *)sort_with },
};

void *ml_os_behind_static(const char *name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].function;
    return NULL;
}

