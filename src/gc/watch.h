/* SPDX-License-Identifier: MIT */
/* watch.h - which objects have a finalizer or a weak reference: one entry each.
 *
 *   ml_watches  | object, finalizer, data, weak | ... |   without gaps, in no order
 *   index       | 3 | - | 1 | - | 2 | ...             |   where an object's entry is
 *
 * The collector goes through the entries in every stop: that costs what there
 * is of them, and nothing for those there once were. All of it is memory that
 * the collector does not scan.
 *
 * An object with an entry has the state ML_STATE_WATCHED, so that freeing all
 * others costs nothing (heap/spanmap.h). Weak references are objects with the
 * state ML_STATE_WEAK and never have an entry.
 *
 * One lock, held inside the heap's slow paths only, so that no stopped thread
 * holds it. Lock order: this one, then metadata pools.
 */
#ifndef ML_GC_WATCH_H
#define ML_GC_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct memlog_weak;

struct ml_watch {
    uintptr_t object;
    void (*finalizer)(void *object, void *data); /* NULL: none */
    void *data;
    struct memlog_weak *weak;                    /* NULL: none */
};

extern struct ml_watch *ml_watches;
extern uint32_t ml_watches_count;

/* Enter the heap and take the lock; the thread has its cache. */
void ml_watch_lock(void);
void ml_watch_unlock(void);
/* The lock alone: with the world stopped, where only a thread that the
 * collector does not know may hold it for a moment, and around a fork. */
void ml_watch_lock_stopped(void);
void ml_watch_unlock_stopped(void);

/* All of these with the lock held. Entries move when one comes or goes. */

struct ml_watch *ml_watch_find(uintptr_t object);
/* The object's entry, made if there is none; NULL when there is no memory. */
struct ml_watch *ml_watch_need(uintptr_t object);
/* Drop an entry that has neither a finalizer nor a weak reference any more:
 * the object is plain then. Others stay. */
void ml_watch_drop_if_empty(struct ml_watch *watch);
/* Give back memory where there were many more entries once. */
void ml_watch_shrink(void);
/* The entry is the object's at `to` from now on. */
void ml_watch_move(struct ml_watch *watch, uintptr_t to);

/* Whether pointer is the start of an object that can be watched: collected,
 * and no weak reference. */
bool ml_watch_is_possible(const void *pointer);

#endif
