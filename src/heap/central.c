/* SPDX-License-Identifier: MIT */
#include "heap/central.h"

#include <string.h>

#include "base/format.h"
#include "base/publish.h"
#include "heap/pageheap.h"
#include "heap/poison.h"
#include "heap/threadgroup.h"
#include "os/process.h"

struct ml_bin ml_bins[ML_SHARDS][ML_BINS];
ML_PUBLISH("central.bins", ml_bins);
ML_PUBLISH_NUMBER(shards, ML_SHARDS);
ML_PUBLISH_STRUCT(ml_bin);
ML_PUBLISH_MEMBER(ml_bin, lock);
ML_PUBLISH_MEMBER(ml_bin, partial);
ML_PUBLISH_MEMBER(ml_bin, full);
ML_PUBLISH_MEMBER(ml_bin, unswept);
ML_PUBLISH_MEMBER(ml_bin, empty);
uint8_t ml_bin_shards_used[ML_BINS];
_Static_assert(ML_SHARDS <= 8, "a bit a shard");

/* ---- empty spans ----------------------------------------------------------- */

static uint64_t empty_bytes; /* of all bins */
ML_PUBLISH("central.empty_bytes", empty_bytes);

uint64_t ml_central_empty_bytes(void) { return __atomic_load_n(&empty_bytes, __ATOMIC_RELAXED); }

/* As much as all bins together may keep: a share of what is in use, so that
 * programs that use little keep little. Nothing where free memory is poisoned:
 * it is looked at when a span goes back. */
static uint64_t empty_bytes_most(void)
{
    enum { LEAST = 4 << 20, SHARE = 8 };
    if (ml_unlikely(ml_poison_on))
        return 0;
    return ml_max(LEAST, ml_pageheap_inuse_bytes() / SHARE);
}

/* By how much the bin's are more than is counted: the count is everybody's, and
 * changes once for a batch. Of one bin all spans have the same size. */
static int64_t empty_change(const struct ml_bin *bin, unsigned which)
{
    int64_t spans = (int64_t)bin->empty.count - bin->empty_known;
    return spans * ml_sizeclasses[ml_bin_class(which)].pages * ML_PAGE_BYTES;
}

/* The way out of a bin's lock. */
static void leave(struct ml_bin *bin, unsigned which)
{
    int64_t change = empty_change(bin, which);
    if (change != 0)
        __atomic_fetch_add(&empty_bytes, (uint64_t)change, __ATOMIC_RELAXED);
    bin->empty_known = bin->empty.count;
    ml_unlock(&bin->lock);
}

/* One of the bin's empty spans, out of the list: the last, which is warm, or
 * the first, which nobody will miss. */
static struct ml_span *unhang_empty(struct ml_bin *bin, uint32_t number)
{
    struct ml_span *span = ml_span_at(number);
    ml_span_list_remove(&bin->empty, span);
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
    for (int i = 0; i < 2 && bin->empty.count > stay; i++)
        if ((int64_t)ml_central_empty_bytes() + empty_change(bin, span->bin) >
            (int64_t)empty_bytes_most())
            ml_pageheap_give(unhang_empty(bin, bin->empty.first));
}

static struct ml_lock trimming;

void ml_central_hold_empty(void) { ml_lock(&trimming); }
void ml_central_let_empty(void) { ml_unlock(&trimming); }

/* A few, so that nobody waits long. False: there are no more to go. */
static bool trim_some(struct ml_bin *bin, unsigned which, bool all)
{
    enum { BATCH = 64 };
    ml_lock(&trimming);
    ml_lock(&bin->lock);
    uint32_t due = all ? bin->empty.count : bin->empty_least;
    for (uint32_t i = 0; i < due && i < BATCH; i++)
        ml_pageheap_give(unhang_empty(bin, bin->empty.first));
    bin->empty_least = due > BATCH ? due - BATCH : bin->empty.count;
    leave(bin, which);
    ml_unlock(&trimming);
    return due > BATCH;
}

void ml_central_trim(bool all)
{
    for (unsigned i = 0; i < ML_BINS; i++)
        for (uint32_t shards = ml_bin_shards(i); shards != 0; shards &= shards - 1)
            while (trim_some(ml_bin_shard(shards, i), i, all)) {
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
            if (ml_state_is_sampled(granule))
                ml_heap_hooks.sample_goes((void *)slot, span->slot_bytes);
            objects += ml_state_get(granule) != ML_STATE_FREE;
            ml_state_set(granule, ML_STATE_FREE);
        }
    }
    span->free_slots = (uint16_t)(span->free_slots + freed);
    span->swept_at = ml_marks_completed;
    if (ml_unlikely(twice != 0))
        ml_heap_note_marked_twice(twice, (uint64_t)twice * span->slot_bytes);
    if (objects != 0)
        __atomic_fetch_add(&self->group->swept[span->bin], objects, __ATOMIC_RELEASE);
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

static void begin_sweep(struct ml_bin *bin)
{
    /* A thread of memlog's own, which nobody stops, may begin to sweep
     * between the two. */
    ml_lock(&bin->lock);
    ml_span_list_move_all(&bin->unswept, &bin->partial);
    ml_span_list_move_all(&bin->unswept, &bin->full);
    ml_unlock(&bin->lock);
}

void ml_central_begin_sweep(void)
{
    ml_marks_completed++;
    for (unsigned i = 0; i < ML_BINS; i++)
        if (ml_bin_kind(i) != ML_UNCOLLECTABLE)
            for (uint32_t shards = ml_bin_shards(i); shards != 0; shards &= shards - 1)
                begin_sweep(ml_bin_shard(shards, i));
}

unsigned ml_central_sweep(struct ml_thread *self, unsigned which, unsigned count)
{
    unsigned done = 0;
    for (uint32_t shards = ml_bin_shards(which); shards != 0 && done < count;
         shards &= shards - 1) {
        struct ml_bin *bin = ml_bin_shard(shards, which);
        /* No look at the list without the lock: that none is left must mean that
         * nobody is at work on the last one, whose marks he would clear. */
        ml_lock(&bin->lock);
        while (done < count && sweep_one(self, bin))
            done++;
        leave(bin, which);
    }
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

/* A span with room at the head of bin->partial. NULL: there is none in the shard. */
static struct ml_span *find_room(struct ml_thread *self, struct ml_bin *bin)
{
    do {
        if (bin->partial.first != 0)
            return ml_span_at(bin->partial.first);
        if (bin->empty.last != 0) {
            struct ml_span *span = unhang_empty(bin, bin->empty.last);
            if (ml_span_is_unswept(span))
                forget_marks(span);
            ml_span_list_append(&bin->partial, span, ML_PLACE_PARTIAL);
            return span;
        }
    } while (sweep_one(self, bin));
    return NULL;
}

static unsigned take_of(struct ml_bin *bin, struct ml_span *span, void **into, unsigned want)
{
    unsigned got = ml_span_take(span, into, want);
    if (span->free_slots == 0) {
        ml_span_list_remove(&bin->partial, span);
        ml_span_list_append(&bin->full, span, ML_PLACE_FULL);
    }
    return got;
}

static unsigned take_own(struct ml_thread *self, unsigned which, void **into, unsigned want)
{
    struct ml_bin *bin = &ml_bins[self->shard][which];
    struct ml_span *span;
    unsigned got = 0;
    ml_lock(&bin->lock);
    while (got < want && (span = find_room(self, bin)) != NULL)
        got += take_of(bin, span, into, want - got);
    leave(bin, which);
    return got;
}

/* An empty span that is nobody's goes to the thread's shard. */
static unsigned take_new(struct ml_thread *self, unsigned which, struct ml_span *span, void **into,
                         unsigned want)
{
    struct ml_bin *bin = &ml_bins[self->shard][which];
    if (!(ml_bin_shards(which) >> self->shard & 1))
        __atomic_fetch_or(&ml_bin_shards_used[which], (uint8_t)(1u << self->shard),
                          __ATOMIC_RELEASE);
    ml_lock(&bin->lock);
    __atomic_store_n(&span->shard, (uint8_t)self->shard, __ATOMIC_RELAXED);
    if (ml_span_is_unswept(span))
        forget_marks(span);
    ml_span_list_append(&bin->partial, span, ML_PLACE_PARTIAL);
    unsigned got = take_of(bin, span, into, want);
    leave(bin, which);
    return got;
}

/* How many spans with room another shard is left for its own threads: those are
 * what it costs to keep the threads apart. Slots that are larger have lines of their
 * own in the table of states. */
static uint32_t left_alone(unsigned which)
{
    enum { SPANS = 4, BYTES = 1024 };
    return ml_sizeclasses[ml_bin_class(which)].bytes < BYTES ? SPANS : 0;
}

/* A span the shard can do without: an empty one, which is in no list then, or one
 * with room. */
static struct ml_span *find_surplus(struct ml_thread *self, struct ml_bin *bin, uint32_t alone)
{
    do {
        if (bin->empty.first != 0)
            return unhang_empty(bin, bin->empty.first);
        if (bin->partial.count > alone)
            return ml_span_at(bin->partial.last);
    } while (sweep_one(self, bin));
    return NULL;
}

/* The shard's lock is held, and given up. */
static unsigned take_surplus(struct ml_thread *self, struct ml_bin *bin, unsigned which,
                             uint32_t alone, void **into, unsigned want)
{
    unsigned got = 0;
    struct ml_span *span = NULL;
    while (got < want && (span = find_surplus(self, bin, alone)) != NULL &&
           span->place != ML_PLACE_NONE)
        got += take_of(bin, span, into, want - got);
    leave(bin, which);
    bool comes = got < want && span != NULL;
    return comes ? got + take_new(self, which, span, into, want - got) : got;
}

static uint32_t other_shards(const struct ml_thread *self, unsigned which)
{
    return ml_bin_shards(which) & ~(1u << self->shard);
}

/* Shards that are in use at the moment have threads that need what they have. */
static unsigned take_from_others(struct ml_thread *self, unsigned which, void **into, unsigned want)
{
    unsigned got = 0;
    for (uint32_t others = other_shards(self, which); others != 0 && got == 0;
         others &= others - 1) {
        struct ml_bin *bin = ml_bin_shard(others, which);
        if (ml_trylock(&bin->lock))
            got = take_surplus(self, bin, which, left_alone(which), into, want);
    }
    return got;
}

/* There is no memory but that. */
static unsigned take_the_last(struct ml_thread *self, unsigned which, void **into, unsigned want)
{
    unsigned got = 0;
    for (uint32_t others = other_shards(self, which); others != 0 && got == 0;
         others &= others - 1) {
        struct ml_bin *bin = ml_bin_shard(others, which);
        ml_lock(&bin->lock);
        got = take_surplus(self, bin, which, 0, into, want);
    }
    return got;
}

static unsigned take_elsewhere(struct ml_thread *self, unsigned which, void **into, unsigned want)
{
    unsigned got = take_from_others(self, which, into, want);
    if (got != 0)
        return got;
    struct ml_span *span = ml_pageheap_take_small(which);
    return span != NULL ? take_new(self, which, span, into, want)
                        : take_the_last(self, which, into, want);
}

enum { ENOUGH = 16 }; /* slots that make a batch worth coming for */

unsigned ml_central_take(struct ml_thread *self, unsigned which, void **into, unsigned want)
{
    unsigned got = take_own(self, which, into, want), more = 1;
    /* A batch that is not quite full does not ask others for more. */
    for (; got < want && got < ENOUGH && more != 0; got += more)
        more = take_elsewhere(self, which, into, want - got);
    ml_heap_taken_add((int64_t)got * ml_sizeclasses[ml_bin_class(which)].bytes);
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

/* The shard that a slot that is taken goes back to. */
static struct ml_bin *bin_over(const void *slot, unsigned which)
{
    const struct ml_span *span = ml_span_over((uintptr_t)slot);
    return &ml_bins[__atomic_load_n(&span->shard, __ATOMIC_RELAXED)][which];
}

/* Give the first slots, as many as lie in one span, back to it. In most orders
 * of freeing that is more than one. */
static unsigned give_some(struct ml_bin *bin, unsigned which, void **slots, unsigned count)
{
    struct ml_span *span = ml_span_over((uintptr_t)slots[0]);
    /* It may be gone, when all its other slots are free. */
    if (ml_unlikely(span->use != ML_SPAN_SMALL || span->bin != which ||
                    bin_over(slots[0], which) != bin))
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
    for (unsigned done = 0; done < count;) {
        struct ml_bin *bin = bin_over(slots[done], which);
        ml_lock(&bin->lock);
        do
            done += give_some(bin, which, slots + done, count - done);
        while (done < count && bin_over(slots[done], which) == bin);
        leave(bin, which);
    }
    ml_heap_taken_add(-(int64_t)count * ml_sizeclasses[ml_bin_class(which)].bytes);
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
    for (unsigned i = 0; i < ML_BINS; i++)
        for (uint32_t shards = ml_bin_shards(i); shards != 0; shards &= shards - 1) {
            const struct ml_bin *bin = ml_bin_shard(shards, i);
            recover_list(i, &bin->full);
            recover_list(i, &bin->partial);
            recover_list(i, &bin->unswept);
        }
}

void ml_central_lock_all(void)
{
    for (unsigned shard = 0; shard < ML_SHARDS; shard++)
        for (unsigned i = 0; i < ML_BINS; i++)
            ml_lock(&ml_bins[shard][i].lock);
}

void ml_central_unlock_all(void)
{
    for (unsigned shard = 0; shard < ML_SHARDS; shard++)
        for (unsigned i = 0; i < ML_BINS; i++)
            ml_unlock(&ml_bins[shard][i].lock);
}
