/* SPDX-License-Identifier: MIT */
#include "heap/alloc.h"

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "heap/central.h"
#include "heap/large.h"
#include "heap/metadata.h"
#include "heap/pageheap.h"
#include "heap/poison.h"
#include "os/process.h"

static struct ml_lock init_lock;

int ml_heap_init(void)
{
    if (ml_likely(__atomic_load_n(&ml_map.base, __ATOMIC_ACQUIRE) != 0))
        return 0;
    int error = 0;
    ml_lock(&init_lock);
    if (ml_map.base == 0) {
        ml_sizeclass_init();
        error = ml_spanmap_init();
    }
    ml_unlock(&init_lock);
    return error;
}

/* The thread has a cache and a heap to fill it from. */
static bool ready(void)
{
    if (ml_likely(ml_thread_attached()))
        return true;
    return ml_heap_init() == 0 && ml_thread_attach(false) == 0;
}

static void notice_slow_path(void)
{
    if (ml_heap_hooks.slow_path != NULL)
        ml_heap_hooks.slow_path();
}

static void mark_sample(void *object)
{
    ml_state_set_sampled(ml_granule_of(object), true);
}

/* A slot that the magazine counted down to, or has come to now. */
static void *pop(struct ml_thread *self, unsigned bin)
{
    struct ml_magazine *magazine = &self->magazines[bin];
    if (magazine->top == magazine->bottom)
        return NULL;
    bool sampled = ml_sample_take(self, bin);
    void *slot = ml_magazine_pop(magazine, magazine->top);
    if (sampled)
        mark_sample(slot);
    return slot;
}

/* Allocate without a magazine, while freed memory is poisoned. */
static void *alloc_directly(struct ml_thread *self, unsigned bin)
{
    struct ml_magazine *magazine = &self->magazines[bin];
    void *slot = NULL;
    ml_heap_enter(self);
    ml_magazine_note_use(self, bin);
    if (ml_central_take(self, bin, &slot, 1) != 0) {
        ml_poison_check_slot(slot, ml_sizeclasses[ml_bin_class(bin)].bytes);
        magazine->held++;
        ml_state_set(ml_granule_of(slot), ML_STATE_PLAIN);
        ml_count(&magazine->mallocs, 1);
        if (ml_sample_take(self, bin))
            mark_sample(slot);
    }
    ml_heap_leave(self);
    return slot;
}

void *ml_heap_alloc_slow(unsigned bin)
{
    if (!ready())
        return NULL;
    struct ml_thread *self = ml_thread_self;
    notice_slow_path();
    if (ml_unlikely(ml_poison_on))
        return alloc_directly(self, bin);
    void *slot = pop(self, bin); /* attaching may have brought some */
    if (slot != NULL)
        return slot;
    ml_heap_enter(self);
    bool filled = ml_magazine_refill(self, bin);
    ml_heap_leave(self);
    return filled ? pop(self, bin) : NULL;
}

void *ml_heap_alloc_large(size_t bytes, size_t alignment, enum ml_kind kind, bool *zeroed)
{
    if (!ready())
        return NULL;
    struct ml_thread *self = ml_thread_self;
    notice_slow_path();
    ml_heap_enter(self);
    void *object = ml_large_alloc(bytes, alignment, kind, zeroed);
    if (object != NULL && kind != ML_NOSCAN && !*zeroed)
        ml_thread_set_blank(self, object);
    ml_heap_leave(self);
    if (object != NULL && ml_sample_takes_large(self, ml_large_bytes(object)))
        mark_sample(object);
    return object;
}

/* By the program's hand. It is no sample from here on. A signal's handler that frees within
 * the heap, which it should not, would wait for what it has interrupted. */
static void forget_sample(void *object, size_t bytes)
{
    if (ml_thread_self->inside == 0)
        ml_heap_hooks.sample_goes(object, bytes);
    ml_state_set_sampled(ml_granule_of(object), false);
}

void ml_heap_tell_resized(void *object, size_t before)
{
    size_t after = ml_large_bytes(object);
    if (after == before)
        return;
    if (ml_state_is_sampled(ml_granule_of(object)))
        forget_sample(object, before);
    if (ml_sample_takes_large(ml_thread_self, after)) {
        mark_sample(object);
        ml_heap_hooks.sampled(object);
    }
}

/* Free without a magazine: there is no memory for one, or it is declined, or freed
 * memory is poisoned. */
static void free_directly(struct ml_thread *self, void *pointer, unsigned bin)
{
    if (ml_poison_on)
        ml_poison_slot(pointer, ml_sizeclasses[ml_bin_class(bin)].bytes);
    ml_magazine_note_use(self, bin);
    ml_state_set(ml_granule_of(pointer), ML_STATE_FREE);
    ml_count(&self->magazines[bin].frees, 1);
    self->magazines[bin].held--;
    ml_central_give(bin, &pointer, 1);
}

void ml_heap_free_slow(void *pointer, const char *function)
{
    int saved_errno = errno; /* free leaves it alone */
    if (pointer == NULL)
        return;
    if (!ml_heap_is_object(pointer))
        ml_heap_bad_pointer(pointer, function);
    if (!ready()) {
        /* Not even the thread's block could be had: the object stays
         * allocated, which is the truth the statistics tell. */
        errno = saved_errno;
        return;
    }
    if (ml_state_is_sampled(ml_granule_of(pointer)))
        forget_sample(pointer, ml_heap_block(pointer, function).bytes);
    if (ml_state_kind(ml_granule_of(pointer)) != ML_STATE_PLAIN)
        ml_heap_hooks.watched_goes(pointer); /* set by whoever watches */
    struct ml_thread *self = ml_thread_self;
    unsigned bin = ml_map.page_bin[ml_page_of((uintptr_t)pointer)];
    ml_heap_enter(self);
    if (bin >= ML_BINS) { /* ML_BIN_NONE: another thread has freed it just now */
        if (bin == ML_BIN_NONE || !ml_large_free(pointer))
            ml_heap_bad_pointer(pointer, function);
    } else if (ml_unlikely(ml_poison_on)) {
        free_directly(self, pointer, bin);
    } else {
        struct ml_magazine *magazine = &self->magazines[bin];
        bool declined = ml_magazine_declines(self, bin, pointer);
        if (!declined && magazine->top == magazine->limit)
            ml_magazine_flush(self, bin);
        if (declined || magazine->top == magazine->limit)
            free_directly(self, pointer, bin);
        else if (!ml_heap_push(pointer)) /* another thread has freed it just now */
            ml_heap_bad_pointer(pointer, function);
    }
    ml_heap_leave(self);
    errno = saved_errno;
}

/* Whether the program called one of memlog's own names, or one of the C library's. */
static bool is_collected_door(const char *function)
{
    return strncmp(function, "memlog_", strlen("memlog_")) == 0;
}

void ml_heap_bad_pointer(const void *pointer, const char *function)
{
    char where[ML_HEX_BYTES], start[ML_HEX_BYTES], size[24];
    uintptr_t address = (uintptr_t)pointer;
    ml_hex(where, address);
    if (!ml_in_heap(address))
        ml_os_die(function, ": ", where, " is not memlog's: it did not come from ",
                  is_collected_door(function) ? "memlog_malloc" : "malloc", NULL);
    struct ml_span *span = ml_span_over(address);
    bool in_use = address - span->base < ml_span_bytes(span) &&
                  (span->use == ML_SPAN_SMALL || span->use == ML_SPAN_LARGE);
    if (!in_use)
        ml_os_die(function, ": ", where,
                  " points into free memory: its object was freed before", NULL);
    unsigned slot = ml_span_slot_of(span, address);
    uintptr_t begin = span->base + (uintptr_t)slot * span->slot_bytes;
    struct ml_text text;
    ml_text_init(&text, size, sizeof(size));
    ml_text_u64(&text, ml_span_object_bytes(span));
    ml_text_finish(&text);
    ml_hex(start, begin);
    if (slot >= span->slots)
        ml_os_die(function, ": ", where, " points behind the last object of its span", NULL);
    if (begin == address)
        ml_os_die(function, ": ", where, ": double free of an object of ", size, " bytes", NULL);
    bool allocated = ml_state_get(ml_granule_of((void *)begin)) != 0;
    ml_os_die(function, ": ", where, " points into the middle of ",
              allocated ? "the object at " : "a freed object at ", start, " (", size, " bytes)",
              NULL);
}

/* An allocated object's. */
static inline struct ml_block block_of(const void *pointer, const char *function)
{
    unsigned bin = ml_map.page_bin[ml_page_of((uintptr_t)pointer)];
    if (ml_unlikely(bin == ML_BIN_NONE)) /* another thread has freed it just now */
        ml_heap_bad_pointer(pointer, function);
    if (bin == ML_BIN_LARGE)
        return (struct ml_block){ ml_large_bytes(pointer),
                                  (enum ml_kind)ml_span_over((uintptr_t)pointer)->kind };
    return (struct ml_block){ ml_sizeclasses[ml_bin_class(bin)].bytes, ml_bin_kind(bin) };
}

struct ml_block ml_heap_block(const void *pointer, const char *function)
{
    if (ml_unlikely(!ml_heap_is_object(pointer)))
        ml_heap_bad_pointer(pointer, function);
    return block_of(pointer, function);
}

size_t ml_heap_block_bytes(const void *pointer)
{
    return block_of(pointer, "memlog_realloc").bytes;
}

enum ml_kind ml_heap_kind(const void *pointer) { return block_of(pointer, "memlog_realloc").kind; }

/* ---- fork -------------------------------------------------------------------- */

void ml_heap_before_fork(void)
{
    ml_lock(&init_lock);
    ml_thread_lock_all();
    ml_central_lock_all();
    ml_lock(&ml_pageheap_lock);
    ml_metadata_lock_all();
}

void ml_heap_after_fork_parent(void)
{
    ml_metadata_unlock_all();
    ml_unlock(&ml_pageheap_lock);
    ml_central_unlock_all();
    ml_thread_unlock_all();
    ml_unlock(&init_lock);
}

void ml_heap_after_fork_child(void)
{
    ml_heap_after_fork_parent();
    ml_pageheap_after_fork_child();
    ml_thread_after_fork_child();
}
