/* SPDX-License-Identifier: MIT */
#include "gc/finalize.h"

#include <errno.h>
#include <string.h>

#include "base/publish.h"
#include "gc/alloc.h"
#include "gc/type.h"
#include "gc/watch.h"
#include "gc/weak.h"
#include "heap/metadata.h"
#include "os/thread.h"

/* Written under the watch's lock; the counts are read at any time. */
static struct ml_finalize_counts counts;
ML_PUBLISH("finalize.counts", counts);
ML_PUBLISH_STRUCT(ml_finalize_counts);
ML_PUBLISH_MEMBER(ml_finalize_counts, registered);
ML_PUBLISH_MEMBER(ml_finalize_counts, queued);
ML_PUBLISH_MEMBER(ml_finalize_counts, run);
static bool is_running;

/* A ring, of a power of two. It has room for every finalizer that is registered, so that queueing
 * one in a stop wants no memory. */
static struct ml_due *queue;
static uint32_t queue_first, queue_count, queue_capacity;
ML_PUBLISH("finalize.queue", queue);
ML_PUBLISH("finalize.queue_first", queue_first);
ML_PUBLISH("finalize.queue_count", queue_count);
ML_PUBLISH("finalize.queue_capacity", queue_capacity);
ML_PUBLISH_STRUCT(ml_due);
ML_PUBLISH_MEMBER(ml_due, object);
ML_PUBLISH_MEMBER(ml_due, data);
ML_PUBLISH_MEMBER(ml_due, finalizer);

static void set(uint64_t *counter, uint64_t value)
{
    __atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

struct ml_finalize_counts ml_finalize_counts(void)
{
    return (struct ml_finalize_counts){ __atomic_load_n(&counts.registered, __ATOMIC_RELAXED),
                                        __atomic_load_n(&counts.queued, __ATOMIC_RELAXED),
                                        __atomic_load_n(&counts.run, __ATOMIC_RELAXED) };
}

/* ---- the queue ------------------------------------------------------------------ */

static struct ml_due *queue_at(uint32_t i)
{
    return &queue[(queue_first + i) & (queue_capacity - 1)];
}

enum { QUEUE_FIRST = 64, QUEUE_MOST = 1 << 30 };

static bool queue_resize(uint32_t wanted)
{
    struct ml_due *ring = wanted > QUEUE_MOST
                              ? NULL
                              : ml_metadata_alloc(ML_POOL_GC, wanted * sizeof(*ring));
    if (ring == NULL)
        return false;
    for (uint32_t i = 0; i < queue_count; i++)
        ring[i] = *queue_at(i);
    ml_metadata_free(ML_POOL_GC, queue, queue_capacity * sizeof(*ring));
    queue = ring;
    queue_first = 0;
    queue_capacity = wanted;
    ml_os_clear_vector_registers(); /* as for the entries (watch.c) */
    return true;
}

static bool queue_need(uint64_t room)
{
    uint32_t more = queue_capacity == 0 ? QUEUE_FIRST : queue_capacity * 2;
    return room <= queue_capacity || queue_resize(more);
}

void ml_finalize_shrink(void)
{
    ml_watch_lock();
    uint64_t needed = counts.registered + counts.queued;
    uint32_t wanted = queue_capacity;
    while (wanted > QUEUE_FIRST && wanted / 8 >= needed)
        wanted /= 2;
    if (wanted < queue_capacity)
        (void)queue_resize(wanted);
    ml_watch_shrink();
    ml_watch_unlock();
}

static void queue_append(const struct ml_watch *watch)
{
    *queue_at(queue_count) =
        (struct ml_due){ (void *)watch->object, watch->data, watch->finalizer };
    __atomic_store_n(&queue_count, queue_count + 1, __ATOMIC_RELAXED);
    set(&counts.queued, counts.queued + 1);
}

bool ml_finalize_is_due(void) { return __atomic_load_n(&queue_count, __ATOMIC_RELAXED) != 0; }

bool ml_finalize_take(struct ml_due *due)
{
    ml_watch_lock();
    bool any = queue_count != 0;
    if (any) {
        *due = *queue_at(0);
        queue_first = (queue_first + 1) & (queue_capacity - 1);
        __atomic_store_n(&queue_count, queue_count - 1, __ATOMIC_RELAXED);
        is_running = true;
    }
    ml_watch_unlock();
    return any;
}

void ml_finalize_done(void)
{
    ml_watch_lock();
    is_running = false;
    set(&counts.queued, counts.queued - 1);
    set(&counts.run, counts.run + 1);
    ml_watch_unlock();
}

/* ---- registering ------------------------------------------------------------------ */

static void unset(struct ml_watch *watch)
{
    if (watch == NULL || watch->finalizer == NULL)
        return;
    watch->finalizer = NULL;
    set(&counts.registered, counts.registered - 1);
}

static int set_locked(void *object, ml_finalizer *finalizer, void *data)
{
    /* What waits is among the queued, and so may be the running one. */
    if (!queue_need(counts.registered + counts.queued + 1))
        return -ENOMEM;
    struct ml_watch *watch = ml_watch_need((uintptr_t)object);
    if (watch == NULL)
        return -ENOMEM;
    if (watch->finalizer == NULL)
        set(&counts.registered, counts.registered + 1);
    watch->finalizer = finalizer;
    watch->data = data;
    return 0;
}

static int unset_locked(void *object)
{
    struct ml_watch *watch = ml_watch_find((uintptr_t)object);
    unset(watch);
    if (watch != NULL)
        ml_watch_drop_if_empty(watch);
    return 0;
}

int ml_finalize_set(void *object, ml_finalizer *finalizer, void *data)
{
    if (!ml_watch_is_possible(object) ||
        (uintptr_t)data - (uintptr_t)object < ml_heap_block_bytes(object))
        return -EINVAL;
    int error = ml_gc_attach();
    if (error != 0)
        return error;
    ml_watch_lock();
    error = finalizer != NULL ? set_locked(object, finalizer, data) : unset_locked(object);
    ml_watch_unlock();
    return error;
}

void ml_finalize_forget(void *object)
{
    ml_watch_lock();
    struct ml_watch *watch = ml_watch_find((uintptr_t)object);
    if (ml_state_kind(ml_granule_of(object)) == ML_STATE_WEAK)
        ml_weak_forget(object);
    if (watch != NULL && watch->weak != NULL)
        ml_weak_clear(watch->weak);
    if (watch != NULL) {
        watch->weak = NULL;
        unset(watch);
        ml_watch_drop_if_empty(watch);
    }
    ml_watch_unlock();
}

void ml_finalize_move(void *from, void *to)
{
    ml_watch_lock();
    struct ml_watch *watch = ml_watch_find((uintptr_t)from);
    if (watch != NULL && watch->weak != NULL)
        ml_weak_point(watch->weak, to);
    if (watch != NULL)
        ml_watch_move(watch, (uintptr_t)to);
    ml_watch_unlock();
}

/* ---- with the world stopped ---------------------------------------------------------- */

void ml_finalize_each_root(void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                           void *argument)
{
    ml_watch_lock_stopped();
    for (uint32_t i = 0; i < ml_watches_count; i++)
        if (ml_watches[i].finalizer != NULL)
            visit((uintptr_t)&ml_watches[i].data, (uintptr_t)(&ml_watches[i].data + 1), argument);
    for (uint32_t i = 0; i < queue_count; i++)
        visit((uintptr_t)queue_at(i), (uintptr_t)&queue_at(i)->finalizer, argument);
    ml_watch_unlock_stopped();
}

/* The words that its type names, but for those that point into the object itself. */
static ML_SCANS_FOREIGN_MEMORY void mark_typed(struct ml_marker *marker,
                                               const struct memlog_type *type, uintptr_t object,
                                               uintptr_t bytes)
{
    size_t known;
    for (uintptr_t at = object, end = object + bytes; at < end; at += known)
        for (uint64_t bits = ml_type_pointers(type, object, at, end, &known); bits != 0;
             bits &= bits - 1) {
            const uintptr_t *word = (const uintptr_t *)at + ml_ctz64(bits);
            if (*word - object >= bytes)
                ml_mark_range(marker, (uintptr_t)word, (uintptr_t)(word + 1), false);
        }
}

/* What lies between words that point into the object itself. */
static ML_SCANS_FOREIGN_MEMORY void mark_all(struct ml_marker *marker, uintptr_t object,
                                             uintptr_t bytes)
{
    uintptr_t begin = object;
    for (uintptr_t at = object; at < object + bytes; at += sizeof(uintptr_t)) {
        if (*(const uintptr_t *)at - object >= bytes)
            continue;
        ml_mark_range(marker, begin, at, false);
        begin = at + sizeof(uintptr_t);
    }
    ml_mark_range(marker, begin, object + bytes, false);
}

static void mark_contents(struct ml_marker *marker, uintptr_t object)
{
    const struct ml_span *span = ml_span_over(object);
    uintptr_t bytes = ml_span_object_bytes(span);
    const struct memlog_type *type = span->kind == ML_TYPED ? ml_type_of(object, bytes) : NULL;
    if (type != NULL)
        mark_typed(marker, type, object, bytes);
    else if (span->kind != ML_NOSCAN)
        mark_all(marker, object, bytes);
}

static void mark_what_is_to_be_finalized_refers_to(struct ml_marker *marker)
{
    bool any = false;
    for (uint32_t i = 0; i < ml_watches_count; i++) {
        const struct ml_watch *watch = &ml_watches[i];
        if (watch->finalizer == NULL || ml_is_marked(watch->object))
            continue;
        mark_contents(marker, watch->object);
        any = true;
    }
    if (any)
        ml_mark_finish(marker);
}

static void settle_unreachable(struct ml_marker *marker, struct ml_watch *watch)
{
    if (watch->weak != NULL)
        ml_weak_clear(watch->weak);
    watch->weak = NULL;
    if (watch->finalizer == NULL)
        return;
    queue_append(watch);
    unset(watch);
    marker->objects++;
    marker->bytes += ml_mark_black(watch->object); /* its contents are marked */
}

void ml_finalize_marked(struct ml_marker *marker)
{
    ml_watch_lock_stopped();
    mark_what_is_to_be_finalized_refers_to(marker);
    /* From the end: the last entry takes the place of one that is dropped. */
    for (uint32_t i = ml_watches_count; i-- > 0;) {
        struct ml_watch *watch = &ml_watches[i];
        if (!ml_is_marked(watch->object))
            settle_unreachable(marker, watch);
        else if (watch->weak != NULL && !ml_is_marked((uintptr_t)watch->weak)) {
            ml_weak_clear(watch->weak); /* the reference is itself garbage */
            watch->weak = NULL;
        }
        ml_watch_drop_if_empty(watch);
    }
    ml_watch_unlock_stopped();
}

/* ---- fork ------------------------------------------------------------------------------ */

void ml_finalize_before_fork(void) { ml_watch_lock_stopped(); }
void ml_finalize_after_fork(void) { ml_watch_unlock_stopped(); }

void ml_finalize_after_fork_child(bool runner_is_here)
{
    if (is_running && !runner_is_here) {
        is_running = false;
        set(&counts.queued, counts.queued - 1);
    }
    ml_watch_unlock_stopped();
}
