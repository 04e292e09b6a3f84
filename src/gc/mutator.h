/* SPDX-License-Identifier: MIT */
/* mutator.h - the threads the collector knows: they are stopped for a
 * collection, and their stacks, registers and thread-local blocks are roots.
 *
 * A thread becomes one when it gets its cache (the heap's hook), which is
 * before it can hold a pointer to an object: threads started through
 * pthread_create when they start, all others at their first allocation. It
 * ceases to be one in the last round of its thread-specific data's
 * destructors, since those of other libraries may still use objects.
 * memlog's own threads never are.
 */
#ifndef ML_GC_MUTATOR_H
#define ML_GC_MUTATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "heap/threadcache.h"
#include "os/thread.h"

struct ml_mutator {
    struct ml_mutator *next, *previous; /* under ml_mutators_lock */
    struct ml_thread *thread;
    pid_t tid;
    uint32_t exit_rounds;     /* destructor rounds seen */
    uintptr_t stack_low;      /* a hint: the main thread's grows */
    uintptr_t stack_high;
    uintptr_t thread_pointer; /* finds its thread-local blocks */
    /* At a stop: how far its stack reaches, and the stop it has answered. */
    uintptr_t stack_pointer;
    uintptr_t stack_seen; /* from here to stack_high it was looked at as a root */
    uint32_t stopped_at;
    bool gone; /* the kernel knows no such thread any more */
};

extern struct ml_lock ml_mutators_lock;
extern struct ml_mutator *ml_mutators;
extern __thread struct ml_mutator *ml_mutator_self;

/* Make the calling thread, which has its cache, known. 0, -ENOMEM, -ENOTSUP.
 * Waits while the world is stopped. */
int ml_mutator_register(void);
/* Memory for a thread that is about to start, or NULL, and its return; the
 * thread hands it over before it registers, which then can't fail for want of
 * memory. */
struct ml_mutator *ml_mutator_reserve(void);
void ml_mutator_unreserve(struct ml_mutator *mutator);
void ml_mutator_use(struct ml_mutator *mutator);
/* The calling thread gives up its cache and is not known any more. */
void ml_mutator_unregister(void);
/* Drop those that are gone, whose threads ended without a word. Lock held. */
void ml_mutators_reap(void);

/* Only the calling thread is left, in a forked child. Its caches' blocks are
 * the heap's business. */
void ml_mutators_after_fork_child(void);

#endif
