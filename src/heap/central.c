/* SPDX-License-Identifier: MIT */
#include "heap/central.h"

#include <string.h>

#include "base/format.h"
#include "base/publish.h"
#include "heap/pageheap.h"
#include "heap/poison.h"
#include "heap/threadgroup.h"
#include "os/process.h"

struct ml_bin ml_bins[ML_BINS];

/* Below zero when magazines give back what ml_heap_taken_set left out. */
static int64_t taken_bytes;

uint64_t ml_heap_taken_bytes(void)
{
    int64_t bytes = __atomic_load_n(&taken_bytes, __ATOMIC_RELAXED);
    return bytes < 0 ? 0 : (uint64_t)bytes;
}
void ml_heap_taken_add(int64_t bytes)
{
    __atomic_fetch_add(&taken_bytes, bytes, __ATOMIC_RELAXED);
}
void ml_heap_taken_set(uint64_t bytes)
{
    __atomic_store_n(&taken_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
}

/* What two markers took up in the same instant, and both counted. */
static struct ml_marked_twice marked_twice;
ML_PUBLISH("central.marked_twice", marked_twice);

void ml_heap_note_marked_twice(uint64_t objects, uint64_t bytes)
{
    __atomic_fetch_add(&marked_twice.objects, objects, __ATOMIC_RELAXED);
    __atomic_fetch_add(&marked_twice.bytes, bytes, __ATOMIC_RELAXED);
    ml_heap_taken_add(-(int64_t)bytes);
}

struct ml_marked_twice ml_heap_marked_twice(void)
{
    return (struct ml_marked_twice){ __atomic_load_n(&marked_twice.objects, __ATOMIC_RELAXED),
                                     __atomic_load_n(&marked_twice.bytes, __ATOMIC_RELAXED) };
}

/* ---- empty spans ----------------------------------------------------------- */

static uint64_t empty_bytes; /* of all bins */

uint64_t ml_central_empty_bytes(void) { return __atomic_load_n(&empty_bytes, __ATOMIC_RELAXED); }

/* As much as all bins together may keep: a share of what is in use, so that
 * programs that use little keep little. Nothing where free memory is poisoned:
 * it is looked at when a span goes back. */
static uint64_t empty_bytes_most(void)
{
    enum { LEAST = 1 << 20, SHARE = 8 };
    if (ml_unlikely(ml_poison_on))
        return 0;
    return ml_max(LEAST, ml_pageheap_inuse_bytes() / SHARE);
}

/* One of the bin's empty spans, out of the list: the last, which is warm, or
 * the first, which nobody will miss. */
static struct ml_span *unhang_empty(struct ml_bin *bin, uint32_t number)
{
    struct ml_span *span = ml_span_at(number);
    ml_span_list_remove(&bin->empty, span);
    __atomic_fetch_sub(&empty_bytes, ml_span_bytes(span), __ATOMIC_RELAXED);
    if (bin->empty.count < bin->empty_least)
        bin->empty_least = bin->empty.count;
    return span;
}

/* The bin's only span with room stays in any case: a program that allocates
 * and frees one object at a time would fetch and return it each time. Two may
 * go for one that comes, so that what is kept gets less with what is in use. */
static void hang_empty(struct ml_bin *bin, struct ml_span *span)
{
    uint32_t stay = bin->partial.count == 0;
    ml_span_list_append(&bin->empty, span, ML_PLACE_EMPTY);
    __atomic_fetch_add(&empty_bytes, ml_span_bytes(span), __ATOMIC_RELAXED);
    for (int i = 0; i < 2 && bin->empty.count > stay; i++)
        if (ml_central_empty_bytes() > empty_bytes_most())
            ml_pageheap_give(unhang_empty(bin, bin->empty.first));
}

static struct ml_lock trimming;

void ml_central_hold_empty(void) { ml_lock(&trimming); }
void ml_central_let_empty(void) { ml_unlock(&trimming); }

/* A few, so that nobody waits long. False: there are no more to go. */
static bool trim_some(struct ml_bin *bin, bool all)
{
    enum { BATCH = 64 };
    ml_lock(&trimming);
    ml_lock(&bin->lock);
    uint32_t due = all ? bin->empty.count : bin->empty_least;
    for (uint32_t i = 0; i < due && i < BATCH; i++)
        ml_pageheap_give(unhang_empty(bin, bin->empty.first));
    bin->empty_least = due > BATCH ? due - BATCH : bin->empty.count;
    ml_unlock(&bin->lock);
    ml_unlock(&trimming);
    return due > BATCH;
}

void ml_central_trim(bool all)
{
    for (unsigned i = 0; i < ML_BINS; i++)
        while (trim_some(&ml_bins[i], all)) {
        }
}

/* ---- a span moves between lists ------------------------------------------ */

/* Hang a span that is in no list where its number of free slots says. */
static void hang(struct ml_bin *bin, struct ml_span *span)
{
    if (span->free_slots == 0)
        ml_span_list_append(&bin->full, span, ML_PLACE_FULL);
    else if (span->free_slots == span->slots)
        hang_empty(bin, span);
    else
        ml_span_list_append(&bin->partial, span, ML_PLACE_PARTIAL);
}

/* ---- sweeping ------------------------------------------------------------- */

static void poison(const struct ml_span *span, unsigned word, uint64_t dead)
{
    for (; dead != 0; dead &= dead - 1)
        ml_poison_slot((void *)ml_span_slot_address(span, word * 64 + ml_ctz64(dead)),
                       span->slot_bytes);
}

/* Carry out the mark's verdict on one span: allocated, not marked, is free.
 * Slots in magazines were marked at the stop, and stay. A slot that is dead
 * but not allocated got lost between its span and a magazine, in a thread that
 * a fork left behind: it is free again, but was no object. */
static void sweep_span(struct ml_thread *self, struct ml_span *span)
{
    unsigned freed = 0, objects = 0, twice = 0;
    for (unsigned word = 0; word < ml_span_words(span); word++) {
        struct ml_span_bits *bits = &span->bits[word];
        uint64_t marks = ml_span_marks(bits);
        uint64_t dead = bits->taken & ~marks;
        twice += ml_popcount64(bits->mark[0] & bits->mark[1]);
        bits->taken &= marks;
        bits->mark[0] = bits->mark[1] = 0;
        freed += ml_popcount64(dead);
        if (ml_unlikely(ml_poison_on))
            poison(span, word, dead);
        for (; dead != 0; dead &= dead - 1) {
            uintptr_t slot = ml_span_slot_address(span, word * 64 + ml_ctz64(dead));
            uint64_t granule = ml_granule_of((void *)slot);
            objects += ml_state_get(granule) != ML_STATE_FREE;
            ml_state_set(granule, ML_STATE_FREE);
        }
    }
    span->free_slots = (uint16_t)(span->free_slots + freed);
    span->swept_at = ml_marks_completed;
    if (ml_unlikely(twice != 0))
        ml_heap_note_marked_twice(twice, (uint64_t)twice * span->slot_bytes);
    if (objects != 0)
        ml_count(&self->group->swept[span->bin], objects);
}

static bool sweep_one(struct ml_thread *self, struct ml_bin *bin)
{
    if (bin->unswept.first == 0)
        return false;
    struct ml_span *span = ml_span_at(bin->unswept.first);
    ml_span_list_remove(&bin->unswept, span);
    sweep_span(self, span);
    hang(bin, span);
    return true;
}

void ml_central_begin_sweep(void)
{
    ml_marks_completed++;
    for (unsigned i = 0; i < ML_BINS; i++) {
        if (ml_bin_kind(i) == ML_UNCOLLECTABLE)
            continue;
        struct ml_bin *bin = &ml_bins[i];
        /* A thread of memlog's own, which nobody stops, may begin to sweep
         * between the two. */
        ml_lock(&bin->lock);
        ml_span_list_move_all(&bin->unswept, &bin->partial);
        ml_span_list_move_all(&bin->unswept, &bin->full);
        ml_unlock(&bin->lock);
    }
}

unsigned ml_central_sweep(struct ml_thread *self, unsigned which, unsigned count)
{
    struct ml_bin *bin = &ml_bins[which];
    unsigned done = 0;
    /* No look at the list without the lock: that none is left must mean that
     * nobody is at work on the last one, whose marks he would clear. */
    ml_lock(&bin->lock);
    while (done < count && sweep_one(self, bin))
        done++;
    ml_unlock(&bin->lock);
    return done;
}

/* ---- taking and giving ----------------------------------------------------- */

/* An empty span needs no sweep. Its objects may have been marked before they
 * were freed, when the mark ran along with the program. */
static void forget_marks(struct ml_span *span)
{
    for (unsigned word = 0; word < ml_span_words(span); word++)
        ml_span_unmark(&span->bits[word], ~(uint64_t)0);
    span->swept_at = ml_marks_completed;
}

/* A span with room at the head of bin->partial. False: no memory. */
static bool find_room(struct ml_thread *self, struct ml_bin *bin, unsigned which, bool may_grow)
{
    while (bin->partial.first == 0) {
        struct ml_span *span = NULL;
        if (bin->empty.last != 0) {
            span = unhang_empty(bin, bin->empty.last);
            if (ml_span_is_unswept(span))
                forget_marks(span);
        }
        else if (sweep_one(self, bin))
            continue;
        else if (may_grow)
            span = ml_pageheap_take_small(which);
        if (span == NULL)
            return false;
        ml_span_list_append(&bin->partial, span, ML_PLACE_PARTIAL);
    }
    return true;
}

enum { ENOUGH = 16 }; /* slots that make a batch worth coming for */

unsigned ml_central_take(struct ml_thread *self, unsigned which, void **into, unsigned want)
{
    struct ml_bin *bin = &ml_bins[which];
    unsigned got = 0;
    ml_lock(&bin->lock);
    /* A batch that is not quite full does not ask the page heap for more. */
    while (got < want && find_room(self, bin, which, got < ENOUGH)) {
        struct ml_span *span = ml_span_at(bin->partial.first);
        got += ml_span_take(span, into, want - got);
        if (span->free_slots == 0) {
            ml_span_list_remove(&bin->partial, span);
            ml_span_list_append(&bin->full, span, ML_PLACE_FULL);
        }
    }
    ml_heap_taken_add((int64_t)got * ml_sizeclasses[ml_bin_class(which)].bytes);
    ml_unlock(&bin->lock);
    if (got < want)
        memmove(into, into + (want - got), got * sizeof(*into));
    return got;
}

/* The slot is freed before the mark's verdict on its span was carried out. */
static void unmark(struct ml_span *span, unsigned slot)
{
    struct ml_span_bits *bits = &span->bits[slot >> 6];
    uint64_t bit = (uint64_t)1 << (slot & 63);
    if (ml_unlikely(bits->mark[0] & bits->mark[1] & bit))
        ml_heap_note_marked_twice(1, span->slot_bytes);
    ml_span_unmark(bits, bit);
}

static _Noreturn void die_of_double_free(const void *slot)
{
    char where[ML_HEX_BYTES];
    ml_os_die("memlog_free: two threads freed the object at ", ml_hex(where, (uintptr_t)slot),
              " at the same time", NULL);
}

/* Free slots of the span that the first one lies in; how many they were. */
static unsigned free_slots_of(struct ml_span *span, void **slots, unsigned count)
{
    unsigned freed = 0;
    do {
        unsigned index = ml_span_slot_of(span, (uintptr_t)slots[freed]);
        uint64_t bit = (uint64_t)1 << (index & 63);
        if (ml_unlikely(index >= span->slots || !(span->bits[index >> 6].taken & bit)))
            die_of_double_free(slots[freed]);
        span->bits[index >> 6].taken &= ~bit;
        if (ml_span_is_unswept(span))
            unmark(span, index);
        freed++;
    } while (freed < count && (uintptr_t)slots[freed] - span->base < ml_span_bytes(span));
    span->free_slots = (uint16_t)(span->free_slots + freed);
    return freed;
}

/* Give the first slots, as many as lie in one span, back to it. In most orders
 * of freeing that is more than one. */
static unsigned give_some(struct ml_bin *bin, unsigned which, void **slots, unsigned count)
{
    struct ml_span *span = ml_span_over((uintptr_t)slots[0]);
    /* It may be gone, when all its other slots are free. */
    if (ml_unlikely(span->use != ML_SPAN_SMALL || span->bin != which))
        die_of_double_free(slots[0]);
    unsigned freed = free_slots_of(span, slots, count);
    if (ml_span_is_unswept(span))
        return freed;
    bool was_full = span->place == ML_PLACE_FULL;
    if (was_full || span->free_slots == span->slots) {
        ml_span_list_remove(was_full ? &bin->full : &bin->partial, span);
        hang(bin, span);
    }
    return freed;
}

void ml_central_give(unsigned which, void **slots, unsigned count)
{
    struct ml_bin *bin = &ml_bins[which];
    ml_lock(&bin->lock);
    for (unsigned done = 0; done < count;)
        done += give_some(bin, which, slots + done, count - done);
    ml_heap_taken_add(-(int64_t)count * ml_sizeclasses[ml_bin_class(which)].bytes);
    ml_unlock(&bin->lock);
}

/* ---- fork ------------------------------------------------------------------- */

static void recover_span(unsigned which, const struct ml_span *span)
{
    void *lost[ML_SPAN_SLOTS_MAX];
    unsigned count = 0;
    for (unsigned slot = 0; slot < span->slots; slot++) {
        void *address = (void *)ml_span_slot_address(span, slot);
        if (ml_span_is_taken(span, slot) && ml_state_get(ml_granule_of(address)) == 0)
            lost[count++] = address;
    }
    for (unsigned i = 0; i < count && ml_poison_on; i++)
        ml_poison_slot(lost[i], span->slot_bytes);
    if (count != 0)
        ml_central_give(which, lost, count);
}

static void recover_list(unsigned which, const struct ml_span_list *list)
{
    for (uint32_t number = list->first; number != 0;) {
        const struct ml_span *span = ml_span_at(number);
        number = span->next; /* giving may hang the span elsewhere */
        recover_span(which, span);
    }
}

void ml_central_recover(void)
{
    for (unsigned i = 0; i < ML_BINS; i++) {
        recover_list(i, &ml_bins[i].full);
        recover_list(i, &ml_bins[i].partial);
        recover_list(i, &ml_bins[i].unswept);
    }
}

void ml_central_lock_all(void)
{
    for (unsigned i = 0; i < ML_BINS; i++)
        ml_lock(&ml_bins[i].lock);
}

void ml_central_unlock_all(void)
{
    for (unsigned i = 0; i < ML_BINS; i++)
        ml_unlock(&ml_bins[i].lock);
}
