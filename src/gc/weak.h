/* SPDX-License-Identifier: MIT */
/* weak.h - weak references: an object's address that keeps it not alive.
 *
 * A reference is itself a collected object, with the state ML_STATE_WEAK, and
 * an object has at most one: who asks again gets the same. It holds the
 * complement of the address, which no scan takes for a pointer. The collector
 * sets it to 0, at the stop in which it finds the object unreachable; reading it
 * is therefore done inside, and what was read is a pointer in a register before
 * the thread can be stopped.
 */
#ifndef ML_GC_WEAK_H
#define ML_GC_WEAK_H

#include <stdint.h>

struct memlog_weak {
    uintptr_t hidden; /* the complement of the object's address; 0: it is gone */
    uint64_t holders; /* times it was asked for and not destroyed; under the watch's lock */
};

/* As memlog_weak_create, _get and _destroy. */
struct memlog_weak *ml_weak_create(void *object);
void *ml_weak_get(const struct memlog_weak *weak);
void ml_weak_destroy(struct memlog_weak *weak);

/* Its object is gone. Watch's lock. */
void ml_weak_clear(struct memlog_weak *weak);
/* Its object is at another address now. Watch's lock. */
void ml_weak_point(struct memlog_weak *weak, const void *object);
/* The program frees a reference: its object has none any more. Watch's lock. */
void ml_weak_forget(struct memlog_weak *weak);

/* Objects that have one. */
uint64_t ml_weak_count(void);

#endif
