/* SPDX-License-Identifier: MIT */
/* hooks.h - how the heap reports upwards without knowing who listens.
 *
 * Set once at start by the floors above (wired in api/init.c), NULL until
 * then. The heap calls them only outside its locks, but for sample_goes.
 */
#ifndef ML_HEAP_HOOKS_H
#define ML_HEAP_HOOKS_H

#include <stddef.h>

struct ml_heap_hooks {
    /* A stop was asked for while the thread was inside the heap; it has left
     * now and may be stopped. */
    void (*stop_wanted)(void);
    /* The thread has just been given its cache: tell whoever has to see it
     * go when the thread ends. */
    void (*thread_came)(void);
    /* The calling thread took the slow path: a good moment for rare checks. */
    void (*slow_path)(void);
    /* The program is about to free an object in a state other than
     * ML_STATE_PLAIN, and it is to be plain when this returns. */
    void (*watched_goes)(void *object);
    /* An object that was chosen as a sample (sample.h) has been allocated, and is the
     * program's in a moment. */
    void (*sampled)(void *object);
    /* Such an object of so many bytes is freed or swept. It may take a lock that nobody
     * holds while he takes one of the heap's: in a sweep some are held. */
    void (*sample_goes)(void *object, size_t bytes);
};

extern struct ml_heap_hooks ml_heap_hooks;

#endif
