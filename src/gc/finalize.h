/* SPDX-License-Identifier: MIT */
/* finalize.h - finalizers: from the registration to the queue of those that are due.
 *
 *   ml_finalize_set          an entry (watch.h) with a function
 *   in a collection, world stopped:
 *     ml_finalize_each_root  what finalizers are given is alive
 *     ml_finalize_marked     all else is marked: keep what unreachable objects
 *                            with a finalizer refer to; then drop the weak
 *                            references to what is unmarked, and queue the
 *                            finalizers of it
 *   finalthread.c
 *     ml_finalize_take       one after the other
 *
 * The order is Go's: marked is whatever an object with a finalizer refers to, but
 * not the object itself. What is still unmarked is referred to by no other object
 * that has a finalizer, and its turn has come; the others' comes in a later
 * collection. The turn of an object that reaches itself by way of others never
 * comes. Words of an object that point into itself don't count: heads of empty
 * lists look like that.
 *
 * Weak references are dropped last, when all that finalizers will see is marked:
 * what is unmarked then is seen by nobody but its own finalizer.
 */
#ifndef ML_GC_FINALIZE_H
#define ML_GC_FINALIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "gc/mark.h"

typedef void ml_finalizer(void *object, void *data);

/* As memlog_set_finalizer. */
int ml_finalize_set(void *object, ml_finalizer *finalizer, void *data);

/* The object goes, or has moved, by the program's hand; both with its state not
 * plain. */
void ml_finalize_forget(void *object);
void ml_finalize_move(void *from, void *to);

/* ---- with the world stopped ---- */

/* Visit the words that hold what finalizers are given, of those that are
 * registered, and for queued ones the object too. */
void ml_finalize_each_root(void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                           void *argument);
/* All that the roots reach is marked; in an open round of share.h. Costs a look
 * at two mark bits for each entry, and marking what unreachable objects with
 * finalizers refer to. */
void ml_finalize_marked(struct ml_marker *marker);

/* ---- the queue ---- */

struct ml_due {
    void *object, *data;
    ml_finalizer *finalizer;
};
/* The next one, which is running from now on; false when there is none. The
 * caller's stack is scanned. */
bool ml_finalize_take(struct ml_due *due);
void ml_finalize_done(void);
/* Something waits in the queue. No lock. */
bool ml_finalize_is_due(void);

/* Give back memory of the table and the queue where they held much more once. Not
 * inside the heap; after a cycle. */
void ml_finalize_shrink(void);

struct ml_finalize_counts {
    uint64_t registered;
    uint64_t queued; /* the running one included */
    uint64_t run;
};
/* No lock. */
struct ml_finalize_counts ml_finalize_counts(void);

void ml_finalize_before_fork(void);
void ml_finalize_after_fork(void);
/* The thread that ran one may be gone: that one is not run again. */
void ml_finalize_after_fork_child(bool runner_is_here);

#endif
