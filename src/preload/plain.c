/* SPDX-License-Identifier: MIT */
#include "preload/plain.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "gc/alloc.h"
#include "gc/asleep.h"
#include "heap/large.h"
#include "heap/pageheap.h"
#include "heap/release.h"
#include "os/pages.h"
#include "preload/board.h"
#include "preload/log.h"

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

/* At the end of every slow path. */
static void leave(void)
{
    ml_preload_board_notice();
    ml_preload_log_notice();
    ml_asleep_thread_leaves();
}

/* ---- allocating --------------------------------------------------------------------- */

/* Address space is plenty and memory is not: what the system would not map at
 * once, as the C library's malloc has it, is refused here too. */
static bool is_refused(size_t bytes)
{
    const size_t ASK_ABOVE = (size_t)1 << 32;
    if (bytes < ASK_ABOVE)
        return false;
    void *probe = bytes <= PTRDIFF_MAX ? ml_os_map(bytes) : NULL;
    if (probe != NULL)
        ml_os_unmap(probe, bytes);
    return probe == NULL;
}

static void *alloc_large(size_t bytes, size_t alignment, bool zeroed)
{
    bool is_zero;
    if (is_refused(bytes))
        return NULL;
    void *object = ml_heap_alloc_large(bytes, alignment, ML_UNCOLLECTABLE, &is_zero);
    if (object == NULL)
        return NULL;
    if (zeroed && !is_zero)
        memset(object, 0, bytes);
    ml_thread_set_blank(ml_thread_self, NULL); /* from here on the collector looks into it */
    return object;
}

/* The tables may be new, so the class is looked up here. */
static void *alloc_small(size_t bytes)
{
    return ml_heap_alloc_slow(ml_bin_of(ml_sizeclass_of(bytes), ML_UNCOLLECTABLE));
}

static void *finish(void *object)
{
    if (object != NULL)
        ml_heap_tell_of(object);
    leave();
    return object != NULL ? object : no_memory();
}

void *ml_plain_alloc_slow(size_t bytes)
{
    if (ml_heap_init() != 0)
        return no_memory();
    return finish(bytes <= ML_SMALL_MAX ? alloc_small(bytes) : alloc_large(bytes, 0, false));
}

void *ml_plain_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (ml_unlikely(__builtin_mul_overflow(count, size, &bytes)))
        return no_memory();
    if (ml_unlikely(bytes > ML_SMALL_MAX))
        return ml_heap_init() != 0 ? no_memory() : finish(alloc_large(bytes, 0, true));
    void *object = ml_plain_alloc(bytes);
    return ml_likely(object != NULL) ? memset(object, 0, bytes) : NULL;
}

/* Spans begin at pages, and a block that is a multiple of the alignment has a class
 * that is one: where classes stand nearer to each other than the alignment, each
 * such multiple is itself a class. */
void *ml_plain_alloc_aligned(size_t alignment, size_t bytes)
{
    if (alignment <= ML_GRANULE_BYTES)
        return ml_plain_alloc(bytes);
    if (bytes > PTRDIFF_MAX || ml_heap_init() != 0)
        return no_memory();
    size_t block = ml_max(bytes, 1);
    if (alignment <= ML_PAGE_BYTES && ml_align_up(block, alignment) <= ML_SMALL_MAX)
        return ml_plain_alloc(ml_align_up(block, alignment));
    return finish(alloc_large(block, alignment, false));
}

/* ---- freeing ------------------------------------------------------------------------- */

/* As the C library's malloc does with every block that large: a program that frees it
 * and never comes back would keep it for ever. Some is left for the next. */
static void give_back_much(size_t bytes)
{
    const size_t MUCH = (size_t)32 << 20;
    if (bytes < MUCH || !ml_thread_attached())
        return;
    struct ml_thread *self = ml_thread_self;
    ml_heap_enter(self);
    (void)ml_release_down_to(ml_pageheap_inuse_bytes() + MUCH);
    ml_heap_leave(self);
}

void ml_plain_free_slow(void *pointer, const char *function)
{
    if (pointer == NULL)
        return;
    size_t bytes = ml_heap_block(pointer, function).bytes;
    ml_heap_free_slow(pointer, function);
    if (ml_gc_is_asleep()) {
        give_back_much(bytes);
        ml_asleep_notice();
    }
    leave();
}

/* ---- what is there --------------------------------------------------------------------- */

/* The calling thread needs its cache for that, and has been asked for the block. */
static void count_lookup(void)
{
    if (ml_thread_attached())
        ml_count(&ml_thread_self->lookups, 1);
}

size_t ml_plain_usable_bytes(const void *pointer, const char *function)
{
    struct ml_block block = ml_heap_block(pointer, function);
    if (block.kind != ML_UNCOLLECTABLE)
        return ml_gc_usable_bytes(pointer, function);
    count_lookup();
    return block.bytes;
}

static bool resize_large(void *pointer, size_t bytes)
{
    bool is_zero;
    size_t before = ml_large_bytes(pointer);
    if (!ml_thread_attached())
        return false;
    struct ml_thread *self = ml_thread_self;
    ml_heap_enter(self);
    bool done = ml_large_resize(pointer, bytes, &is_zero);
    ml_heap_leave(self);
    if (done)
        ml_heap_tell_resized(pointer, before);
    return done;
}

/* A block goes on serving a request unless more than half of it would be idle. */
static bool resize_in_place(void *pointer, size_t have, size_t bytes)
{
    if (have > ML_SMALL_MAX)
        return bytes > ML_SMALL_MAX && !is_refused(bytes) && resize_large(pointer, bytes);
    return bytes <= have &&
           (bytes >= have / 2 || ml_sizeclasses[ml_sizeclass_of(bytes)].bytes == have);
}

void *ml_plain_realloc(void *pointer, size_t bytes, const char *function)
{
    struct ml_block block = ml_heap_block(pointer, function);
    if (ml_unlikely(block.kind != ML_UNCOLLECTABLE ||
                    ml_state_kind(ml_granule_of(pointer)) != ML_STATE_PLAIN))
        return ml_gc_realloc(pointer, bytes); /* the collected door's, with a rule of its own */
    count_lookup();
    if (bytes > PTRDIFF_MAX)
        return no_memory();
    if (resize_in_place(pointer, block.bytes, bytes))
        return pointer;
    void *moved = ml_plain_alloc(bytes);
    if (moved == NULL)
        return NULL;
    memcpy(moved, pointer, ml_min(block.bytes, bytes));
    ml_plain_free(pointer, function);
    return moved;
}
