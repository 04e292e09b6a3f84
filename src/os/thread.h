/* SPDX-License-Identifier: MIT */
/* thread.h - locks, waiting, and memlog's own threads.
 *
 * The lock is a futex: it needs no initialisation beyond zero, can be taken
 * before main, and can be reset in a forked child. memlog's own threads block
 * every signal and run on stacks that memlog maps (and counts).
 */
#ifndef ML_OS_THREAD_H
#define ML_OS_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 0 free, 1 held, 2 held and somebody may be waiting. */
struct ml_lock {
    uint32_t word;
};
#define ML_LOCK_FREE { 0 }

void ml_lock_slow(struct ml_lock *lock);
void ml_unlock_slow(struct ml_lock *lock);

static inline bool ml_trylock(struct ml_lock *lock)
{
    uint32_t expected = 0;
    return __atomic_compare_exchange_n(&lock->word, &expected, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}
static inline void ml_lock(struct ml_lock *lock)
{
    if (!ml_trylock(lock))
        ml_lock_slow(lock);
}
static inline void ml_unlock(struct ml_lock *lock)
{
    if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
        ml_unlock_slow(lock);
}

/* Sleep while *word == value, until woken or until the monotonic deadline
 * (nanoseconds; 0: no deadline). May return early: check and call again. */
void ml_os_futex_wait(const uint32_t *word, uint32_t value, uint64_t deadline_ns);
/* Wake up to count waiters. */
void ml_os_futex_wake(const uint32_t *word, int count);

pid_t ml_os_pid(void);            /* asked of the kernel each time: right after a fork */
pid_t ml_os_tid(void);            /* asked of the kernel each time */
/* 0 or -errno (-ESRCH: no such thread in this process). */
int ml_os_signal_thread(pid_t pid, pid_t tid, int signal);
/* Is that thread of this process no more? Costs a few system calls. The first
 * thread stays a name to which signals are sent in vain while others live:
 * without /proc that is not seen. */
bool ml_os_thread_has_ended(pid_t pid, pid_t tid);
/* Unblock, for the calling thread, the signals whose bits (1 << (signal - 1)) are set. */
void ml_os_unblock_signals(uint64_t signals);
/* Block, for the calling thread, all signals but those and the ones that the
 * thread's own doing brings about (SIGSEGV and the like) or that the C library
 * sends to all threads. Returns what was blocked before. */
uint64_t ml_os_block_signals_but(uint64_t signals);
/* As that has returned it. What came meanwhile comes now. */
void ml_os_restore_signals(uint64_t blocked);
/* Whatever the calling thread's vector registers held is there no more. A new
 * thread has what they held in the one that started it, and copying leaves in
 * them what was copied: in a thread that sleeps, for as long as it does. */
void ml_os_clear_vector_registers(void);
unsigned ml_os_online_cpus(void); /* those the first thread may run on, at least 1 */

/* Whether the calling thread has the scheduling policy and the niceness of the
 * process's first thread; a thread that it starts inherits them. */
bool ml_os_is_scheduled_as_first(void);

/* One of memlog's own threads. The struct is the caller's and lives until the
 * join (or the fork that ends it). */
struct ml_os_thread {
    uint64_t handle;   /* a pthread_t */
    void *stack;       /* mapped by us, NULL when the system had to */
    size_t stack_bytes; /* without the page below that catches an overrun */
    void (*run)(void *);
    void *argument;
    const char *name;
};
/* Ask the loader what is needed to start threads. To be called early: in a
 * forked child its answer may never come. */
void ml_os_thread_prepare(void);
/* Start run(argument) in a thread with all signals blocked, on the CPUs that the
 * process's first thread may run on. name: at most 15
 * characters, must outlive the start. The C library calls calloc for the new
 * thread's tables: hold no lock that malloc takes. 0 or -errno. */
int ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                       void *argument);
/* The same for a thread that is to run code of the program's: with as large a
 * stack as the program's own threads have, not counted as memlog's, and never
 * joined nor forgotten. The struct lives as long as the thread. */
int ml_os_thread_start_for_program(struct ml_os_thread *thread, const char *name,
                                   void (*run)(void *), void *argument);
void ml_os_thread_join(struct ml_os_thread *thread);
/* In a forked child the thread is gone; give back its stack, forget it. */
void ml_os_thread_forget(struct ml_os_thread *thread);
/* Bytes of stack mapped for own threads that exist now. */
uint64_t ml_os_thread_stack_bytes(void);

#endif
