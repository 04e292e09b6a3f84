/* SPDX-License-Identifier: MIT */
#include "gc/stopworld.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "gc/mutator.h"
#include "gc/signals.h"
#include "os/clock.h"
#include "os/process.h"

/* Stops are numbered. A thread waits while the number of the last stop that
 * has been lifted is below that of the last one asked for. */
static uint32_t asked, lifted;
static uint32_t answers; /* to the last stop asked for */
/* How many answers are waited for; not known while signals are still sent.
 * Only the last one wakes the waiter. */
enum { NOT_KNOWN = UINT32_MAX };
static uint32_t wanted = NOT_KNOWN;
static int stop_signal;

uint64_t ml_stopworld_patience_ns = 10 * (uint64_t)ML_NS_PER_SECOND;
uint64_t ml_stopworld_look_every_ns = 50 * (uint64_t)ML_NS_PER_MS;

static bool is_lifted(uint32_t stop)
{
    return (int32_t)(__atomic_load_n(&lifted, __ATOMIC_ACQUIRE) - stop) >= 0;
}

static void wait_until_lifted(uint32_t stop)
{
    while (!is_lifted(stop))
        ml_os_futex_wait(&lifted, stop - 1, 0);
}

/* Answer, and wait. What this thread's registers held is on its stack above
 * this frame: put there by the kernel for the handler, or by stop_here. */
static ML_NOINLINE void wait_here(struct ml_mutator *self)
{
    uint32_t stop = __atomic_load_n(&asked, __ATOMIC_ACQUIRE);
    if (is_lifted(stop))
        return; /* the stop was given up before the signal came */
    if (self->stopped_at == stop) {
        /* It has answered: this is the signal of one that was given up. */
        wait_until_lifted(stop);
        return;
    }
    self->stack_pointer = (uintptr_t)__builtin_frame_address(0);
    __atomic_store_n(&self->stopped_at, stop, __ATOMIC_RELEASE);
    /* Either this thread sees how many are wanted, or the waiter, who says it
     * before he looks, sees this answer. */
    if (__atomic_add_fetch(&answers, 1, __ATOMIC_SEQ_CST) >=
        __atomic_load_n(&wanted, __ATOMIC_SEQ_CST))
        ml_os_futex_wake(&answers, 1);
    wait_until_lifted(stop);
}

static void handle_stop(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    struct ml_mutator *self = ml_mutator_self;
    struct ml_thread *thread = ml_thread_self;
    if (self == NULL)
        return;
    int saved_errno = errno;
    if (__atomic_load_n(&thread->inside, __ATOMIC_RELAXED) != 0)
        __atomic_store_n(&thread->stop_wanted, 1, __ATOMIC_RELAXED);
    else
        wait_here(self);
    errno = saved_errno;
}

void ml_world_stop_wanted(void)
{
    struct ml_mutator *self = ml_mutator_self;
    __atomic_store_n(&ml_thread_self->stop_wanted, 0, __ATOMIC_RELAXED);
    if (self == NULL)
        return;
    int saved_errno = errno;
    __builtin_unwind_init(); /* callee-saved registers to the stack */
    wait_here(self);
    errno = saved_errno;
}

/* From the top down, the first real-time signal that nobody has a handler
 * for; not the very last, which valgrind wants. */
int ml_stopworld_init(void)
{
    struct sigaction action, old;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = handle_stop;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    /* Really all: sigfillset leaves out the signal of pthread_cancel, which
     * would unwind a thread out of the handler while the world stands. */
    memset(&action.sa_mask, 0xff, sizeof(action.sa_mask));
    for (int signal = SIGRTMAX - 1; signal > SIGRTMIN && stop_signal == 0; signal--) {
        if (ml_real_sigaction(signal, NULL, &old) != 0 || old.sa_handler != SIG_DFL)
            continue;
        if (ml_real_sigaction(signal, &action, NULL) != 0)
            continue; /* an emulator may keep it for itself */
        __atomic_store_n(&stop_signal, signal, __ATOMIC_RELEASE);
    }
    return stop_signal != 0 ? 0 : -EBUSY;
}

void ml_stopworld_let_in(void)
{
    uint64_t signal = ml_stopworld_signal() == 0 ? 0 : (uint64_t)1 << (ml_stopworld_signal() - 1);
    ml_os_unblock_signals(signal);
}

int ml_stopworld_signal(void) { return __atomic_load_n(&stop_signal, __ATOMIC_ACQUIRE); }

/* Send the signal. The queue for real-time signals, which all processes of a
 * user share, may be full: then again and again until the deadline. */
static int send_stop(struct ml_mutator *mutator, pid_t pid, uint64_t deadline)
{
    for (;;) {
        int error = ml_os_signal_thread(pid, mutator->tid, stop_signal);
        uint64_t now = error == -EAGAIN ? ml_os_monotonic_ns() : 0;
        if (error != -EAGAIN || now > deadline)
            return error;
        ml_os_futex_wait(&lifted, __atomic_load_n(&lifted, __ATOMIC_RELAXED),
                         now + ML_NS_PER_MS);
    }
}

/* False when somebody can't be sent one. */
static bool send_all(uint64_t deadline, uint32_t *sent)
{
    pid_t pid = ml_os_pid();
    *sent = 0;
    for (struct ml_mutator *mutator = ml_mutators; mutator != NULL; mutator = mutator->next) {
        if (mutator == ml_mutator_self)
            continue;
        int error = stop_signal == 0 ? -EBUSY : send_stop(mutator, pid, deadline);
        if (error == 0)
            ++*sent;
        else if (error == -ESRCH)
            mutator->gone = true;
        else
            return false;
    }
    return true;
}

/* Threads that ended after the signal was sent answer no more. */
static uint32_t count_gone(uint32_t stop)
{
    pid_t pid = ml_os_pid();
    uint32_t gone = 0;
    for (struct ml_mutator *mutator = ml_mutators; mutator != NULL; mutator = mutator->next) {
        if (mutator == ml_mutator_self || mutator->gone ||
            __atomic_load_n(&mutator->stopped_at, __ATOMIC_RELAXED) == stop)
            continue;
        if (ml_os_thread_has_ended(pid, mutator->tid)) {
            mutator->gone = true;
            gone++;
        }
    }
    return gone;
}

/* The count says when it is worth looking; an answer to a stop that was given
 * up may have come in between. */
static bool all_stand(uint32_t stop)
{
    for (struct ml_mutator *mutator = ml_mutators; mutator != NULL; mutator = mutator->next)
        if (mutator != ml_mutator_self && !mutator->gone &&
            __atomic_load_n(&mutator->stopped_at, __ATOMIC_ACQUIRE) != stop)
            return false;
    return true;
}

static bool wait_for_answers(uint32_t stop, uint32_t sent, uint64_t deadline)
{
    uint64_t look = ml_os_monotonic_ns() + ml_stopworld_look_every_ns;
    for (;;) {
        __atomic_store_n(&wanted, sent, __ATOMIC_SEQ_CST);
        uint32_t seen = __atomic_load_n(&answers, __ATOMIC_SEQ_CST);
        if (seen >= sent && all_stand(stop))
            return true;
        ml_os_futex_wait(&answers, seen, look);
        uint64_t now = ml_os_monotonic_ns();
        if (now < look)
            continue;
        sent -= count_gone(stop);
        look = now + ml_stopworld_look_every_ns;
        if (now > deadline)
            return false;
    }
}

bool ml_world_stop(void)
{
    ml_lock(&ml_mutators_lock);
    uint32_t stop = asked + 1;
    __atomic_store_n(&wanted, NOT_KNOWN, __ATOMIC_RELAXED);
    __atomic_store_n(&answers, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&asked, stop, __ATOMIC_RELEASE);
    uint64_t deadline = ml_os_monotonic_ns() + ml_stopworld_patience_ns;
    uint32_t sent;
    if (send_all(deadline, &sent) && wait_for_answers(stop, sent, deadline))
        return true;
    ml_world_start();
    return false;
}

void ml_world_start(void)
{
    __atomic_store_n(&lifted, asked, __ATOMIC_RELEASE);
    ml_os_futex_wake(&lifted, INT32_MAX);
    ml_mutators_reap();
    ml_unlock(&ml_mutators_lock);
}
