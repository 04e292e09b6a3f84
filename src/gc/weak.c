/* SPDX-License-Identifier: MIT */
#include "gc/weak.h"

#include <errno.h>

#include "base/format.h"
#include "base/publish.h"
#include "gc/alloc.h"
#include "gc/watch.h"
#include "os/process.h"

static uint64_t count; /* under the watch's lock; read at any time */
ML_PUBLISH("weak.count", count);

uint64_t ml_weak_count(void) { return __atomic_load_n(&count, __ATOMIC_RELAXED); }

static void add_count(int by) { __atomic_store_n(&count, count + (uint64_t)by, __ATOMIC_RELAXED); }

static uintptr_t object_of(const struct memlog_weak *weak)
{
    return ~__atomic_load_n(&weak->hidden, __ATOMIC_RELAXED);
}

void ml_weak_point(struct memlog_weak *weak, const void *object)
{
    __atomic_store_n(&weak->hidden, ~(uintptr_t)object, __ATOMIC_RELAXED);
}

void ml_weak_clear(struct memlog_weak *weak)
{
    __atomic_store_n(&weak->hidden, 0, __ATOMIC_RELAXED);
    add_count(-1);
}

void ml_weak_forget(struct memlog_weak *weak)
{
    struct ml_watch *watch = ml_watch_find(object_of(weak));
    ml_state_set_kind(ml_granule_of(weak), ML_STATE_PLAIN);
    if (watch == NULL || watch->weak != weak)
        return; /* the object went before */
    ml_weak_clear(weak);
    watch->weak = NULL;
    ml_watch_drop_if_empty(watch);
}

/* The object's reference, with one more holder; NULL when it has none. */
static struct memlog_weak *share_locked(const struct ml_watch *watch)
{
    if (watch == NULL || watch->weak == NULL)
        return NULL;
    watch->weak->holders++;
    return watch->weak;
}

static struct memlog_weak *share(const void *object)
{
    ml_watch_lock();
    struct memlog_weak *weak = share_locked(ml_watch_find((uintptr_t)object));
    ml_watch_unlock();
    return weak;
}

/* Give the object the new reference, or return the one that another thread has
 * given it meanwhile. NULL when there is no memory. */
static struct memlog_weak *attach(const void *object, struct memlog_weak *weak)
{
    ml_watch_lock();
    struct ml_watch *watch = ml_watch_need((uintptr_t)object);
    struct memlog_weak *attached = share_locked(watch);
    if (watch != NULL && attached == NULL) {
        weak->holders = 1;
        ml_weak_point(weak, object);
        ml_state_set_kind(ml_granule_of(weak), ML_STATE_WEAK);
        attached = watch->weak = weak;
        add_count(1);
    }
    ml_watch_unlock();
    return attached;
}

struct memlog_weak *ml_weak_create(void *object)
{
    if (!ml_watch_is_possible(object)) {
        errno = EINVAL;
        return NULL;
    }
    int error = ml_gc_attach();
    struct memlog_weak *weak = error != 0 ? NULL : share(object);
    if (error != 0 || weak != NULL) {
        errno = error != 0 ? -error : errno;
        return weak;
    }
    struct memlog_weak *fresh = ml_gc_alloc(sizeof(*fresh), ML_NOSCAN);
    if (fresh == NULL)
        return NULL;
    weak = attach(object, fresh);
    if (weak != fresh)
        ml_heap_free(fresh);
    if (weak == NULL)
        errno = ENOMEM;
    return weak;
}

/* A program's mistake, as freeing what is no object is. */
static void check(const struct memlog_weak *weak, const char *function)
{
    uint64_t granule = ml_granule_of(weak);
    char where[ML_HEX_BYTES];
    if (granule >= ml_map_granules() || ml_state_kind(granule) != ML_STATE_WEAK)
        ml_os_die(function, ": ", ml_hex(where, (uintptr_t)weak), " is no weak reference", NULL);
}

void *ml_weak_get(const struct memlog_weak *weak)
{
    if (weak == NULL)
        return NULL;
    check(weak, "memlog_weak_get");
    int error = ml_gc_attach();
    if (error != 0) {
        errno = -error;
        return NULL;
    }
    ml_heap_enter(ml_thread_self);
    uintptr_t hidden = __atomic_load_n(&weak->hidden, __ATOMIC_RELAXED);
    uintptr_t object = hidden == 0 ? 0 : ~hidden;
    /* The address itself is in a register from here on, and not its
     * complement: on leaving the thread may be stopped. */
    __asm__ volatile("" : "+r"(object));
    ml_heap_leave(ml_thread_self);
    return (void *)object;
}

void ml_weak_destroy(struct memlog_weak *weak)
{
    if (weak == NULL)
        return;
    check(weak, "memlog_weak_destroy");
    if (ml_gc_attach() != 0)
        return; /* the collector will free it */
    ml_watch_lock();
    bool was_last = --weak->holders == 0;
    if (was_last)
        ml_weak_forget(weak); /* nobody is given it from now on */
    ml_watch_unlock();
    if (was_last)
        ml_heap_free(weak);
}
