/* SPDX-License-Identifier: MIT */
#include "profile/sampler.h"

#include <errno.h>

#include "heap/alloc.h"
#include "heap/sample.h"
#include "os/thread.h"
#include "profile/dump.h"
#include "profile/samples.h"

static struct ml_lock lock;
/* The thread is taking a stack. If that allocates (the unwinder does for code that was
 * registered at run time), or a signal's handler does meanwhile, there is none for it. */
static __thread bool is_within;

/* What can't be told when it is freed counts as freed at once. */
static void book_untracked(size_t bytes)
{
    struct ml_bucket *bucket = ml_bucket_overflow(bytes);
    ml_bucket_count_alloc(bucket, bytes);
    ml_bucket_count_free(bucket, bytes);
}

/* False: nobody will have to be told of its end. */
static bool book(void *object, size_t bytes, const uintptr_t *pcs, unsigned depth)
{
    struct ml_bucket *bucket = ml_bucket_need(pcs, depth, bytes), *was;
    if (!ml_samples_add(object, bucket, &was)) {
        book_untracked(bytes);
        return false;
    }
    /* Of an object whose end nobody was told: it was freed by a handler within the heap. */
    if (ml_unlikely(was != NULL))
        ml_bucket_count_free(was, was->size);
    ml_bucket_count_alloc(bucket, bytes);
    return true;
}

static void sampled(void *object)
{
    struct ml_thread *self = ml_thread_self;
    size_t bytes = ml_heap_block_bytes(object);
    uintptr_t pcs[ML_STACK_MOST];
    unsigned depth = 0;
    int saved_errno = errno;
    if (!is_within) {
        is_within = true;
        depth = ml_stack_take(pcs);
        is_within = false;
    }
    /* A signal's handler that has interrupted the heap must not wait for its locks. */
    bool booked = false;
    if (self->inside == 0) {
        ml_heap_enter(self);
        ml_lock(&lock);
        booked = book(object, bytes, pcs, depth);
        ml_unlock(&lock);
        ml_heap_leave(self);
    }
    if (!booked)
        ml_state_set_sampled(ml_granule_of(object), false);
    ml_dump_notice(true);
    errno = saved_errno;
}

static void book_end(void *object, size_t bytes)
{
    ml_lock(&lock);
    struct ml_bucket *bucket = ml_samples_remove(object);
    if (bucket != NULL)
        ml_bucket_count_free(bucket, bytes);
    ml_unlock(&lock);
}

static void goes(void *object, size_t bytes)
{
    struct ml_thread *self = ml_thread_self;
    ml_heap_enter(self);
    book_end(object, bytes);
    ml_heap_leave(self);
}

void ml_profile_start(uint64_t rate, uint64_t bytes_most, bool by_frame_pointers)
{
    if (rate == 0)
        return;
    ml_profile_bytes_most = bytes_most;
    ml_stack_prepare(by_frame_pointers);
    ml_heap_hooks.sampled = sampled;
    ml_heap_hooks.sample_goes = goes;
    ml_sample_start(rate);
}
