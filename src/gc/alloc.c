/* SPDX-License-Identifier: MIT */
#include "gc/alloc.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/format.h"
#include "gc/asleep.h"
#include "gc/collect.h"
#include "gc/finalize.h"
#include "gc/limit.h"
#include "gc/mutator.h"
#include "gc/pacer.h"
#include "gc/type.h"
#include "heap/central.h"
#include "heap/large.h"
#include "os/process.h"

size_t ml_gc_pad_above = ML_GC_PAD_ABOVE;

/* Bytes a block needs for a request. */
static size_t block_for(size_t bytes, enum ml_kind kind)
{
    return kind == ML_TYPED ? bytes + sizeof(ml_type_word) : ml_gc_padded(bytes);
}

/* Bytes of a block that a program may use: the pad, where there may be one, is
 * not, nor is the type's word. */
static size_t usable(size_t block, enum ml_kind kind)
{
    return block - (kind == ML_TYPED ? sizeof(ml_type_word) : block > ml_gc_pad_above);
}

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

int ml_gc_attach(void)
{
    int error = ml_heap_init();
    if (error == 0 && !ml_thread_attached())
        error = ml_thread_attach(false);
    if (error != 0 || (ml_gc_is_asleep() && !ml_asleep_wake()))
        return error;
    /* The cache's hook registers; here is the reason when it could not. */
    return ml_mutator_register();
}

/* ---- small --------------------------------------------------------------------- */

/* Before the heap grows. bytes: of a large object. */
static void collect_if_due(size_t bytes)
{
    ml_limit_before(bytes);
    if (!ml_pacer_is_due_for(bytes))
        return;
    ml_gc_make_room(bytes);
    ml_limit_collected(bytes);
}

/* Collect if it is time, refill, collect if there was nothing. The tables may
 * be new, so the class is looked up here. */
static void *alloc_small(size_t block, enum ml_kind kind, bool zeroed)
{
    if (ml_gc_attach() != 0)
        return no_memory();
    unsigned class = ml_sizeclass_of(block);
    unsigned bin = ml_bin_of(class, kind);
    void *slot = ml_heap_pop(class, kind);
    if (slot == NULL) {
        collect_if_due(0);
        slot = ml_heap_alloc_slow(bin);
    }
    if (slot == NULL) {
        ml_gc_collect(ML_GC_NO_MEMORY);
        slot = ml_heap_alloc_slow(bin);
    }
    if (slot == NULL)
        return no_memory();
    if (zeroed)
        ml_zero(slot, ml_sizeclasses[class].bytes);
    ml_heap_tell_of(slot);
    ml_limit_after(); /* takes a while, and the slot is to be zeroed before anybody looks */
    return slot;
}

/* ---- large ---------------------------------------------------------------------- */

static void *alloc_large(size_t block, size_t alignment, enum ml_kind kind, bool zeroed)
{
    bool is_zero;
    if (ml_gc_attach() != 0)
        return no_memory();
    /* What can never be had is not worth a collection. */
    if (block > ml_map.reserved_bytes)
        return no_memory();
    collect_if_due(block);
    void *object = ml_heap_alloc_large(block, alignment, kind, &is_zero);
    ml_limit_after();
    if (object == NULL) {
        ml_gc_collect(ML_GC_NO_MEMORY);
        object = ml_heap_alloc_large(block, alignment, kind, &is_zero);
        if (object == NULL)
            return no_memory();
    }
    if (zeroed && !is_zero)
        memset(object, 0, ml_heap_block_bytes(object));
    ml_thread_set_blank(ml_thread_self, NULL);
    ml_heap_tell_of(object);
    return object;
}

/* ---- the door --------------------------------------------------------------------- */

static void *alloc_block(size_t block, enum ml_kind kind, bool zeroed)
{
    return block <= ML_SMALL_MAX ? alloc_small(block, kind, zeroed)
                                 : alloc_large(block, 0, kind, zeroed);
}

void *ml_gc_alloc_slow(size_t bytes, enum ml_kind kind)
{
    if (bytes > PTRDIFF_MAX)
        return no_memory();
    return alloc_block(ml_gc_padded(bytes), kind, kind != ML_NOSCAN);
}

void *ml_gc_alloc_noscan_zeroed(size_t bytes)
{
    if (bytes > PTRDIFF_MAX)
        return no_memory();
    return alloc_block(ml_gc_padded(bytes), ML_NOSCAN, true);
}

static void *alloc_with_type(size_t block, const struct memlog_type *type)
{
    void *object = NULL;
    if (block <= ML_SMALL_MAX)
        object = ml_heap_pop(ml_sizeclass_of(block), ML_TYPED);
    if (object != NULL)
        ml_zero(object, ml_sizeclasses[ml_sizeclass_of(block)].bytes);
    else
        object = alloc_block(block, ML_TYPED, true);
    if (object != NULL)
        ml_type_set(object, ml_heap_block_bytes(object), type);
    return object;
}

void *ml_gc_alloc_typed(size_t bytes, const struct memlog_type *type)
{
    if (bytes > PTRDIFF_MAX)
        return no_memory();
    switch (type->kind) {
    case ML_SCAN: return ml_gc_alloc(bytes, ML_SCAN);
    case ML_NOSCAN: return ml_gc_alloc_noscan_zeroed(bytes);
    default: return alloc_with_type(block_for(bytes, ML_TYPED), type);
    }
}

void *ml_gc_alloc_aligned(size_t alignment, size_t bytes, enum ml_kind kind)
{
    bool zeroed = kind != ML_NOSCAN;
    if (alignment <= ML_GRANULE_BYTES)
        return ml_gc_alloc(bytes, kind);
    if (bytes > PTRDIFF_MAX || ml_gc_attach() != 0)
        return no_memory();
    size_t block = ml_max(ml_gc_padded(bytes), 1);
    if (alignment <= ML_PAGE_BYTES) {
        /* Spans begin at pages: slots of a class that is a multiple of the
         * alignment are aligned. */
        block = ml_align_up(block, alignment);
        while (block <= ML_SMALL_MAX) {
            size_t bytes_of_class = ml_sizeclasses[ml_sizeclass_of(block)].bytes;
            if (bytes_of_class % alignment == 0)
                return alloc_small(bytes_of_class, kind, zeroed);
            block = ml_align_up(bytes_of_class, alignment);
        }
    }
    return alloc_large(block, alignment, kind, zeroed);
}

size_t ml_gc_usable_bytes(const void *pointer, const char *function)
{
    if (!ml_heap_is_object(pointer))
        ml_heap_bad_pointer(pointer, function);
    if (ml_thread_attached())
        ml_count(&ml_thread_self->lookups, 1);
    return usable(ml_heap_block_bytes(pointer), ml_heap_kind(pointer));
}

/* Whether a small block of `have` bytes should go on serving a request that
 * needs `need`: not when more than half of it would be idle, unless a new
 * block would be no smaller. */
static bool serves(size_t have, size_t need)
{
    return need <= have &&
           (need >= have / 2 || ml_sizeclasses[ml_sizeclass_of(need)].bytes == have);
}

static bool resize_large(void *pointer, size_t block)
{
    bool is_zero;
    size_t before = ml_heap_block_bytes(pointer);
    struct ml_thread *self = ml_thread_self;
    ml_heap_enter(self);
    bool done = ml_large_resize(pointer, block, &is_zero);
    size_t after = ml_heap_block_bytes(pointer);
    bool fill = done && !is_zero && after > before && ml_heap_kind(pointer) != ML_NOSCAN;
    if (fill)
        ml_thread_set_blank(self, (char *)pointer + before);
    ml_heap_leave(self);
    ml_limit_after();
    if (fill) {
        memset((char *)pointer + before, 0, after - before);
        ml_thread_set_blank(self, NULL);
    }
    if (done)
        ml_heap_tell_resized(pointer, before);
    return done;
}

static bool resize_in_place(void *pointer, size_t block)
{
    size_t have = ml_heap_block_bytes(pointer);
    if (have > ML_SMALL_MAX)
        return block > ML_SMALL_MAX && resize_large(pointer, block);
    return serves(have, block);
}

/* A new object that is what the one at pointer is. */
static void *alloc_like(const void *pointer, size_t bytes)
{
    enum ml_kind kind = ml_heap_kind(pointer);
    if (kind != ML_TYPED)
        return ml_gc_alloc(bytes, kind);
    const struct memlog_type *type = ml_type_of((uintptr_t)pointer, ml_heap_block_bytes(pointer));
    char where[ML_HEX_BYTES];
    if (type == NULL)
        ml_os_die("memlog_realloc: somebody wrote past the end of the object at ",
                  ml_hex(where, (uintptr_t)pointer), ", where its type stood", NULL);
    return ml_gc_alloc_typed(bytes, type);
}

void *ml_gc_realloc(void *pointer, size_t bytes)
{
    size_t old = ml_gc_usable_bytes(pointer, "memlog_realloc");
    enum ml_kind kind = ml_heap_kind(pointer);
    if (bytes > PTRDIFF_MAX || ml_gc_attach() != 0)
        return no_memory();
    if (resize_in_place(pointer, block_for(bytes, kind))) {
        /* What lies beyond is zero, so that growing again finds it so, and
         * nothing there keeps an object alive: the pad, too, was data where
         * the block has shrunk. */
        size_t dirty_end = ml_min(old, ml_heap_block_bytes(pointer));
        if (dirty_end > bytes && kind != ML_NOSCAN)
            memset((char *)pointer + bytes, 0, dirty_end - bytes);
        return pointer;
    }
    void *moved = alloc_like(pointer, bytes);
    if (moved == NULL)
        return NULL;
    memcpy(moved, pointer, ml_min(old, bytes));
    if (ml_state_kind(ml_granule_of(pointer)) == ML_STATE_WATCHED)
        ml_finalize_move(pointer, moved);
    ml_heap_free(pointer);
    return moved;
}
