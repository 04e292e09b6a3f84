/* SPDX-License-Identifier: MIT */
#include "heap/threadcache.h"

#include <errno.h>
#include <string.h>

#include "base/publish.h"
#include "heap/central.h"
#include "heap/metadata.h"
#include "heap/threadgroup.h"
#include "os/clock.h"
#include "os/thread.h"

struct ml_heap_hooks ml_heap_hooks;
struct ml_thread ml_thread_none;
__thread struct ml_thread *ml_thread_self = &ml_thread_none;
struct ml_thread *ml_thread_list;
ML_PUBLISH("threadcache.list", ml_thread_list);
ML_PUBLISH_STRUCT(ml_thread);
ML_PUBLISH_MEMBER(ml_thread, inside);
ML_PUBLISH_MEMBER(ml_thread, active);
ML_PUBLISH_MEMBER(ml_thread, own);
ML_PUBLISH_MEMBER(ml_thread, next);
ML_PUBLISH_MEMBER(ml_thread, tid);
ML_PUBLISH_MEMBER(ml_thread, lookups);
ML_PUBLISH_MEMBER(ml_thread, blank);
ML_PUBLISH_MEMBER(ml_thread, shard);
ML_PUBLISH_MEMBER(ml_thread, magazines);
ML_PUBLISH_STRUCT(ml_magazine);
ML_PUBLISH_MEMBER(ml_magazine, top);
ML_PUBLISH_MEMBER(ml_magazine, bottom);
ML_PUBLISH_MEMBER(ml_magazine, limit);
ML_PUBLISH_MEMBER(ml_magazine, mallocs);
ML_PUBLISH_MEMBER(ml_magazine, frees);
ML_PUBLISH_MEMBER(ml_magazine, held);

static struct ml_lock registry_lock;
static struct ml_thread *idle;

enum {
    CAPACITY_FIRST = 32,
    CAPACITY_MOST = 2048,
    CAPACITY_LEAST = 2,
    BYTES_FIRST = 16 << 10, /* of objects in a new magazine */
    VISITS_TO_GROW = 4,
    MOST_WITH_MOST = 4, /* magazines of a thread that may be as large as any may be */
    WISHES_TO_LOOK = 8  /* for room that others do not need */
};

uint32_t ml_magazine_bytes = ML_MAGAZINE_BYTES_MOST;

/* Together they should hold no more than a quarter of what is live. */
void ml_magazines_fit(uint64_t cached, uint64_t live)
{
    enum { SMALL_CHANGE = 1 << 20 };
    uint32_t bytes = ml_magazine_bytes;
    if (cached > live / 4 + SMALL_CHANGE && bytes > ML_MAGAZINE_BYTES_LEAST)
        bytes /= 2;
    else if (cached < live / 16 && bytes < ML_MAGAZINE_BYTES_MOST)
        bytes *= 2;
    __atomic_store_n(&ml_magazine_bytes, bytes, __ATOMIC_RELAXED);
}

/* ---- blocks -------------------------------------------------------------- */

static uint32_t in_shard[ML_SHARDS]; /* threads */

static uint32_t emptiest_shard(void)
{
    uint32_t least = 0;
    for (uint32_t shard = 1; shard < ML_SHARDS; shard++)
        if (in_shard[shard] < in_shard[least])
            least = shard;
    return least;
}

static struct ml_thread *new_block_locked(void)
{
    struct ml_thread *thread = ml_thread_group_new_block();
    if (thread == NULL)
        return NULL;
    thread->next = ml_thread_list;
    __atomic_store_n(&ml_thread_list, thread, __ATOMIC_RELEASE);
    return thread;
}

static struct ml_thread *take_block_locked(void)
{
    struct ml_thread *thread = idle;
    if (thread != NULL)
        idle = thread->next_idle;
    else
        thread = new_block_locked();
    if (thread != NULL)
        in_shard[thread->shard = emptiest_shard()]++;
    return thread;
}

static struct ml_thread *take_block(void)
{
    ml_lock(&registry_lock);
    struct ml_thread *thread = take_block_locked();
    ml_unlock(&registry_lock);
    return thread;
}

void ml_thread_attach_to(struct ml_thread *thread, bool own)
{
    thread->own = own;
    thread->tid = (uint32_t)ml_os_tid();
    thread->inside = thread->stop_wanted = 0;
    ml_thread_set_blank(thread, NULL);
    __atomic_store_n(&thread->active, 1, __ATOMIC_RELEASE);
    ml_thread_self = thread;
    if (!own && ml_heap_hooks.thread_came != NULL)
        ml_heap_hooks.thread_came();
}

int ml_thread_attach(bool own)
{
    struct ml_thread *thread = take_block();
    if (thread == NULL)
        return -ENOMEM;
    ml_thread_attach_to(thread, own);
    return 0;
}

static void give_block(struct ml_thread *thread)
{
    ml_lock(&registry_lock);
    __atomic_store_n(&thread->active, 0, __ATOMIC_RELEASE);
    thread->tid = 0;
    thread->next_idle = idle;
    idle = thread;
    in_shard[thread->shard]--;
    ml_unlock(&registry_lock);
}

struct ml_thread *ml_thread_reserve(void) { return take_block(); }
void ml_thread_unreserve(struct ml_thread *thread) { give_block(thread); }

void ml_thread_detach(struct ml_thread *thread)
{
    ml_thread_flush_all(thread);
    give_block(thread);
}

/* ---- fork ---------------------------------------------------------------- */

uint32_t ml_heap_closed;

void ml_heap_wait_until_open(struct ml_thread *self)
{
    while (__atomic_load_n(&ml_heap_closed, __ATOMIC_SEQ_CST)) {
        ml_heap_leave(self);
        ml_os_futex_wait(&ml_heap_closed, 1, 0);
        __atomic_exchange_n(&self->inside, 1, __ATOMIC_SEQ_CST);
    }
}

void ml_threads_close(void)
{
    const uint64_t LOOK_AGAIN_NS = 20 * 1000;
    __atomic_store_n(&ml_heap_closed, 1, __ATOMIC_SEQ_CST);
    struct ml_thread *thread = __atomic_load_n(&ml_thread_list, __ATOMIC_ACQUIRE);
    for (; thread != NULL; thread = thread->next)
        while (thread != ml_thread_self && __atomic_load_n(&thread->inside, __ATOMIC_SEQ_CST) != 0)
            ml_os_futex_wait(&thread->inside, 1, ml_os_monotonic_ns() + LOOK_AGAIN_NS);
}

void ml_threads_open(void)
{
    __atomic_store_n(&ml_heap_closed, 0, __ATOMIC_SEQ_CST);
    ml_os_futex_wake(&ml_heap_closed, INT32_MAX);
}

static void no_array(struct ml_magazine *magazine)
{
    magazine->top = magazine->bottom = magazine->limit = NULL;
    magazine->capacity = magazine->visits = 0;
}

/* Forget the magazines of a thread that may have been moving slots: some of
 * what is in them may be back in its span already, and an array may be given
 * away. True when there were any. */
static bool forget_magazines(struct ml_thread *thread)
{
    bool any = false;
    for (unsigned bin = 0; bin < ML_BINS; bin++) {
        struct ml_magazine *magazine = &thread->magazines[bin];
        any |= magazine->capacity != 0;
        no_array(magazine);
        magazine->held = (int64_t)(magazine->mallocs - magazine->frees);
    }
    thread->room_bytes = 0;
    return any;
}

/* Finish what a thread was in the middle of, outside the slow paths. A slot
 * just below the top that is allocated was about to leave, or has just come:
 * it is free. A balance of one too many: a malloc was not counted yet, or the
 * object that was about to come stays allocated, for the collector, as if it
 * had been allocated once more. */
static void settle_magazines(struct ml_thread *thread)
{
    for (unsigned bin = 0; bin < ML_BINS; bin++) {
        struct ml_magazine *magazine = &thread->magazines[bin];
        int64_t count = magazine->top - magazine->bottom;
        if (count != 0)
            ml_state_set(ml_granule_of(magazine->top[-1]), ML_STATE_FREE);
        int64_t balance = (int64_t)(magazine->mallocs - magazine->frees) + count;
        ml_count(&magazine->mallocs, (uint64_t)(magazine->held - balance));
    }
}

void ml_thread_after_fork_child(void)
{
    bool lost = false;
    if (ml_thread_attached())
        ml_thread_self->tid = (uint32_t)ml_os_tid();
    for (struct ml_thread *thread = ml_thread_list; thread != NULL; thread = thread->next) {
        if (!thread->active || thread == ml_thread_self)
            continue;
        if (thread->inside != 0)
            lost |= forget_magazines(thread);
        else
            settle_magazines(thread);
        ml_thread_detach(thread);
    }
    if (!lost)
        return;
    if (ml_thread_attached())
        ml_thread_flush_all(ml_thread_self);
    ml_central_recover();
}

void ml_thread_lock_all(void) { ml_lock(&registry_lock); }
void ml_thread_unlock_all(void) { ml_unlock(&registry_lock); }

/* ---- magazines ----------------------------------------------------------- */

static uint32_t capacity_within(unsigned bin, size_t bytes, uint32_t most)
{
    uint32_t capacity = (uint32_t)(bytes / ml_sizeclasses[ml_bin_class(bin)].bytes);
    return capacity < CAPACITY_LEAST ? CAPACITY_LEAST : capacity > most ? most : capacity;
}

static uint64_t room_bytes(unsigned bin, uint32_t capacity)
{
    return (uint64_t)capacity * ml_sizeclasses[ml_bin_class(bin)].bytes;
}

/* Move the magazine's slots, which fit, into an array of the new capacity. The
 * pointers change one after the other while a stopped thread's magazine may be
 * read: callers are inside, where nobody stops them. */
static bool resize(struct ml_thread *self, unsigned bin, uint32_t capacity)
{
    struct ml_magazine *magazine = &self->magazines[bin];
    size_t count = (size_t)(magazine->top - magazine->bottom);
    void **array = ml_metadata_alloc(ML_POOL_THREADS, capacity * sizeof(void *));
    if (array == NULL)
        return false;
    if (count != 0)
        memcpy(array, magazine->bottom, count * sizeof(void *));
    ml_metadata_free(ML_POOL_THREADS, magazine->bottom, magazine->capacity * sizeof(void *));
    self->room_bytes += room_bytes(bin, capacity) - room_bytes(bin, magazine->capacity);
    magazine->bottom = array;
    magazine->top = array + count;
    magazine->limit = array + capacity;
    magazine->capacity = capacity;
    magazine->visits = 1;
    return true;
}

/* Give the oldest slots back. */
static void give_oldest(struct ml_magazine *magazine, unsigned bin, unsigned going)
{
    unsigned count = (unsigned)(magazine->top - magazine->bottom);
    ml_central_give(bin, magazine->bottom, going);
    memmove(magazine->bottom, magazine->bottom + going, (count - going) * sizeof(void *));
    magazine->top -= going;
    magazine->held -= going;
}

static uint32_t capacity_most(unsigned bin)
{
    return capacity_within(bin, __atomic_load_n(&ml_magazine_bytes, __ATOMIC_RELAXED),
                           CAPACITY_MOST);
}

/* Of all the thread's magazines. */
static uint64_t room_most(void)
{
    return (uint64_t)MOST_WITH_MOST * __atomic_load_n(&ml_magazine_bytes, __ATOMIC_RELAXED);
}

static uint32_t capacity_first(unsigned bin)
{
    return (uint32_t)ml_min(capacity_most(bin), capacity_within(bin, BYTES_FIRST, CAPACITY_FIRST));
}

/* A magazine that nobody came for since the last look does with half its room. */
static void shrink_idle(struct ml_thread *self)
{
    for (unsigned bin = 0; bin < ML_BINS; bin++) {
        struct ml_magazine *magazine = &self->magazines[bin];
        uint32_t half = magazine->capacity / 2;
        if (magazine->visits == 0 && half >= capacity_first(bin)) {
            unsigned count = (unsigned)(magazine->top - magazine->bottom);
            if (count > half)
                give_oldest(magazine, bin, count - half);
            resize(self, bin, half);
        }
        magazine->visits = 0;
    }
}

/* Whether there is room for so much more. What others have and do not use is theirs
 * no longer, but that is not looked for each time. */
static bool have_room(struct ml_thread *self, uint64_t bytes)
{
    if (self->room_bytes + bytes <= room_most())
        return true;
    if (++self->wishes % WISHES_TO_LOOK != 0)
        return false;
    shrink_idle(self);
    return self->room_bytes + bytes <= room_most();
}

/* A magazine that is visited often doubles: who comes seldom has enough with a
 * small one, and what is held there is no use to others. False when it has no
 * array and there is no memory for one. */
static bool grow(struct ml_thread *self, unsigned bin)
{
    struct ml_magazine *magazine = &self->magazines[bin];
    if (magazine->capacity == 0)
        return resize(self, bin, capacity_first(bin));
    if (++magazine->visits <= VISITS_TO_GROW)
        return true;
    magazine->visits = 1;
    uint32_t capacity = (uint32_t)ml_min(capacity_most(bin), (uint64_t)magazine->capacity * 2);
    if (capacity > magazine->capacity &&
        have_room(self, room_bytes(bin, capacity) - room_bytes(bin, magazine->capacity)))
        resize(self, bin, capacity);
    return true; /* growing is a wish: the old size serves too */
}

bool ml_magazine_declines(struct ml_thread *self, unsigned bin, const void *slot)
{
    enum { FEW = 8 };
    struct ml_magazine *magazine = &self->magazines[bin];
    const struct ml_span *span = ml_span_over((uintptr_t)slot);
    if (magazine->capacity != 0 || magazine->visits >= FEW ||
        __atomic_load_n(&span->shard, __ATOMIC_RELAXED) == self->shard)
        return false;
    magazine->visits++;
    return true;
}

void ml_magazine_note_use(struct ml_thread *self, unsigned bin)
{
    ml_thread_group_note_use(self, bin);
}

bool ml_magazine_refill(struct ml_thread *self, unsigned bin)
{
    struct ml_magazine *magazine = &self->magazines[bin];
    ml_magazine_note_use(self, bin);
    if (!grow(self, bin))
        return false;
    unsigned want = (unsigned)ml_min(magazine->capacity, capacity_most(bin)) / 2;
    unsigned got = ml_central_take(self, bin, magazine->bottom, want);
    magazine->top = magazine->bottom + got;
    magazine->held += got;
    return got != 0;
}

void ml_magazine_flush(struct ml_thread *self, unsigned bin)
{
    struct ml_magazine *magazine = &self->magazines[bin];
    ml_magazine_note_use(self, bin);
    uint32_t before = magazine->capacity;
    if (!grow(self, bin) || magazine->capacity > before)
        return;
    /* Still full: the older half goes, the younger is still in the CPU's
     * cache; more where less may be held by now. */
    unsigned count = (unsigned)(magazine->top - magazine->bottom);
    give_oldest(magazine, bin, count - (unsigned)ml_min(count, capacity_most(bin)) / 2);
}

void ml_thread_flush_all(struct ml_thread *thread)
{
    for (unsigned bin = 0; bin < ML_BINS; bin++) {
        struct ml_magazine *magazine = &thread->magazines[bin];
        if (magazine->capacity == 0)
            continue;
        unsigned count = (unsigned)(magazine->top - magazine->bottom);
        if (count != 0)
            ml_central_give(bin, magazine->bottom, count);
        magazine->held -= count;
        ml_metadata_free(ML_POOL_THREADS, magazine->bottom, magazine->capacity * sizeof(void *));
        no_array(magazine);
    }
    thread->room_bytes = 0;
}
