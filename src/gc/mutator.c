/* SPDX-License-Identifier: MIT */
#include "gc/mutator.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include "base/publish.h"
#include "gc/interpose.h"
#include "gc/stopworld.h"
#include "heap/metadata.h"
#include "os/process.h"
#include "os/segments.h"
#include "os/tls.h"

struct ml_lock ml_mutators_lock;
struct ml_mutator *ml_mutators;
ML_PUBLISH("mutator.mutators", ml_mutators);
ML_PUBLISH_STRUCT(ml_mutator);
ML_PUBLISH_MEMBER(ml_mutator, next);
ML_PUBLISH_MEMBER(ml_mutator, thread);
ML_PUBLISH_MEMBER(ml_mutator, tid);
ML_PUBLISH_MEMBER(ml_mutator, stack_low);
ML_PUBLISH_MEMBER(ml_mutator, stack_high);
ML_PUBLISH_MEMBER(ml_mutator, thread_pointer);
ML_PUBLISH_MEMBER(ml_mutator, gone);
__thread struct ml_mutator *ml_mutator_self;
static __thread struct ml_mutator *reserved;

static pthread_key_t exit_key;
static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static bool exit_key_made;

/* Runs when a thread ends, after or before the destructors of others in the
 * same round: wait for the last round. */
static void thread_ends(void *mutator)
{
    struct ml_mutator *self = mutator;
    if (self != ml_mutator_self)
        return;
    if (++self->exit_rounds < PTHREAD_DESTRUCTOR_ITERATIONS &&
        pthread_setspecific(exit_key, self) == 0)
        return;
    ml_interpose_thread_ends();
    ml_mutator_unregister();
}

static void make_exit_key(void) { exit_key_made = pthread_key_create(&exit_key, thread_ends) == 0; }

/* Without a key (a process has 1024) the thread is noticed to be gone at a
 * later stop. */
static void watch_exit(struct ml_mutator *self)
{
    pthread_once(&exit_key_once, make_exit_key);
    if (exit_key_made)
        (void)pthread_setspecific(exit_key, self);
}

static void unlink_locked(struct ml_mutator *mutator)
{
    if (mutator->previous != NULL)
        mutator->previous->next = mutator->next;
    else
        ml_mutators = mutator->next;
    if (mutator->next != NULL)
        mutator->next->previous = mutator->previous;
}

static void drop(struct ml_mutator *mutator)
{
    unlink_locked(mutator);
    ml_thread_detach(mutator->thread);
    ml_metadata_free(ML_POOL_GC, mutator, sizeof(*mutator));
}

/* A thread that ended without a word, and whose number the kernel has given to
 * the calling one: it would never answer a stop. */
static void drop_namesake(pid_t tid)
{
    struct ml_mutator *mutator = ml_mutators;
    while (mutator != NULL && mutator->tid != tid)
        mutator = mutator->next;
    if (mutator != NULL)
        drop(mutator);
}

static void link_in(struct ml_mutator *mutator)
{
    ml_lock(&ml_mutators_lock);
    drop_namesake(mutator->tid);
    mutator->previous = NULL;
    mutator->next = ml_mutators;
    if (ml_mutators != NULL)
        ml_mutators->previous = mutator;
    ml_mutators = mutator;
    ml_unlock(&ml_mutators_lock);
}

struct ml_mutator *ml_mutator_reserve(void)
{
    return ml_metadata_alloc(ML_POOL_GC, sizeof(struct ml_mutator));
}

void ml_mutator_unreserve(struct ml_mutator *mutator)
{
    ml_metadata_free(ML_POOL_GC, mutator, sizeof(*mutator));
}

void ml_mutator_use(struct ml_mutator *mutator) { reserved = mutator; }

int ml_mutator_register(void)
{
    if (ml_mutator_self != NULL)
        return 0;
    struct ml_mutator *self = reserved != NULL ? reserved : ml_mutator_reserve();
    reserved = NULL;
    if (self == NULL)
        return -ENOMEM;
    int error = ml_os_stack_bounds(&self->stack_low, &self->stack_high);
    if (error != 0) {
        ml_mutator_unreserve(self);
        return error;
    }
    self->thread = ml_thread_self;
    self->tid = ml_os_tid();
    self->thread_pointer = ml_os_thread_pointer();
    ml_os_learn_tls();
    watch_exit(self);
    /* The stop handler looks at ml_mutator_self: it is set before anybody can
     * send the signal. */
    ml_mutator_self = self;
    ml_stopworld_let_in();
    link_in(self);
    return 0;
}

void ml_mutator_unregister(void)
{
    struct ml_mutator *self = ml_mutator_self;
    struct ml_thread *thread = ml_thread_self;
    if (self == NULL)
        return;
    ml_heap_enter(thread);
    ml_thread_flush_all(thread);
    ml_heap_leave(thread);
    ml_lock(&ml_mutators_lock);
    unlink_locked(self);
    ml_unlock(&ml_mutators_lock);
    /* Nobody stops this thread any more. */
    ml_mutator_self = NULL;
    ml_thread_self = &ml_thread_none;
    if (exit_key_made)
        (void)pthread_setspecific(exit_key, NULL);
    ml_thread_detach(thread);
    ml_metadata_free(ML_POOL_GC, self, sizeof(*self));
}

void ml_mutators_reap(void)
{
    for (struct ml_mutator *mutator = ml_mutators, *next; mutator != NULL; mutator = next) {
        next = mutator->next;
        if (mutator->gone)
            drop(mutator);
    }
}

void ml_mutators_after_fork_child(void)
{
    struct ml_mutator *self = ml_mutator_self;
    for (struct ml_mutator *mutator = ml_mutators, *next; mutator != NULL; mutator = next) {
        next = mutator->next;
        if (mutator != self)
            ml_metadata_free(ML_POOL_GC, mutator, sizeof(*mutator));
    }
    ml_mutators = self;
    if (self != NULL) {
        self->next = self->previous = NULL;
        self->tid = ml_os_tid();
    }
}
