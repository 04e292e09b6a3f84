/* SPDX-License-Identifier: MIT */
/* threadcache.h - what each thread has for itself: magazines and counters.
 *
 * A magazine is a stack of free slots of one bin. Allocating pops, freeing
 * pushes, whosever object it was; only an empty or a full one goes to the
 * bins behind (central.h), for a batch. No lock and no atomic
 * read-modify-write on the way.
 *
 * The counters stand in the same cache line. Each has one writer, the owning
 * thread, and is a relaxed atomic so that readers are defined. Frees are
 * booked by the thread that frees: a thread's difference may be negative, only
 * sums over all threads mean something. Blocks are never given back: a thread
 * that ends leaves its block, counters and all, to the next one that starts,
 * so that readers may walk the list without a lock.
 *
 * The order of the stores matters to a collector that has stopped the thread
 * in the middle, and to a forked child, where the thread is gone in the
 * middle. Allocating: state byte to 1, top down, count. Freeing: slot above
 * the top, count, top up, state byte to 0. A slot is therefore in the magazine,
 * or allocated, or both at any moment, and whoever finds both, or a balance
 * that does not add up, knows what is missing (ml_thread_after_fork_child).
 */
#ifndef ML_HEAP_THREADCACHE_H
#define ML_HEAP_THREADCACHE_H

#include "heap/hooks.h"
#include "heap/spanmap.h"

struct ml_magazine {
    void **top;    /* the slot handed out next is top[-1] */
    void **bottom; /* top == bottom: empty */
    void **limit;  /* top == limit: full */
    uint64_t mallocs;
    uint64_t frees; /* by the program */
    uint32_t capacity; /* limit - bottom */
    uint32_t visits;   /* to the bins behind, since it has grown or was looked at */
    /* Slots taken from the bin less those given back. mallocs - frees + (top -
     * bottom) is the same, unless the thread is in the middle of something.
     * May be negative: see frees above. */
    int64_t held;
    uint64_t sample_at; /* the next sample is allocated with so many mallocs; sample.h */
} __attribute__((aligned(ML_CACHE_LINE)));
_Static_assert(sizeof(struct ml_magazine) == ML_CACHE_LINE, "one line a magazine");

/* Bins are in so many shards, which threads share when there are more of them. */
enum { ML_SHARDS = 8 };

struct ml_thread {
    /* How deep the thread is inside the heap's slow paths, where it may hold
     * locks and must not be stopped; and that somebody tried. */
    uint32_t inside;
    uint32_t stop_wanted;
    uint32_t active;             /* a thread owns it now */
    uint32_t own;                /* it is one of memlog's own */
    struct ml_thread *next;      /* all blocks there are; only grows */
    struct ml_thread *next_idle; /* those without a thread */
    struct ml_thread_group *group; /* where readers find it: threadgroup.h */
    uint32_t place;                /* its bit there */
    uint32_t shard;                /* of the bins: where it takes slots; central.h */
    /* Addresses resolved to objects by realloc, usable_size and the marker;
     * explicit frees are counted as frees. */
    uint64_t lookups;
    uint32_t wishes;     /* for more than that */
    uint32_t tid;        /* what the kernel calls the thread; 0: none owns the block */
    uint64_t room_bytes; /* of objects that all its magazines together have room for */
    /* From here to its end a large object is being zeroed; what it still holds
     * means nothing. NULL: none is. */
    char *blank;
    uint64_t random; /* of the thread's samples; 0: not begun */
    uint64_t sampled_bins[(ML_BINS + 63) / 64]; /* those whose first sample is drawn */
    /* Those of the marks behind the bins are empty and full for ever: what is no
     * small object takes the slow path without a test on the fast one. */
    struct ml_magazine magazines[ML_BINS_AND_MARKS];
};

/* The calling thread's; ml_thread_none before its first allocation. All of
 * ml_thread_none's magazines are empty and full at once, so that "no cache
 * yet" needs no test of its own on the fast path. */
extern ML_HIDDEN __thread struct ml_thread *ml_thread_self;
extern struct ml_thread ml_thread_none;

/* All blocks, newest first. */
extern struct ml_thread *ml_thread_list;

/* How many bytes of objects one magazine may have room for, if it is visited often; all of a
 * thread's four times that. Less where magazines hold much of the heap, which is so
 * with many threads (ml_magazines_fit); relaxed. */
enum { ML_MAGAZINE_BYTES_MOST = 1 << 20, ML_MAGAZINE_BYTES_LEAST = 8 << 10 };
extern uint32_t ml_magazine_bytes;
/* All magazines hold so many bytes, and so many are live. Now and then, by one
 * thread at a time. */
void ml_magazines_fit(uint64_t cached, uint64_t live);

static inline void ml_count(uint64_t *counter, uint64_t by)
{
    /* A relaxed load and a release store, so that a reader who sees a free has
     * seen the malloc before it. With one writer they need no lock, and are one
     * instruction, which no compiler makes of the two. */
    __asm__ volatile("addq %1, %0" : "+m"(*counter) : "er"(by) : "memory", "cc");
}

/* The calling thread's magazine of a bin: the one that stands `index` after the
 * bin `first`, which is a constant. */
static inline struct ml_magazine *ml_magazine_of(unsigned first, size_t index)
{
    char *shifted = (char *)ml_thread_self + index * sizeof(struct ml_magazine);
    /* Else the compiler works the address out anew for every field. */
    __asm__("" : "+r"(shifted));
    return (struct ml_magazine *)(shifted + offsetof(struct ml_thread, magazines)) + first;
}

/* The slot that is to be handed out next, from a magazine that has one. */
static inline ML_ALWAYS_INLINE void *ml_magazine_pop(struct ml_magazine *magazine, void **top)
{
    void *slot = top[-1];
    if (slot == NULL)
        __builtin_unreachable(); /* callers need not look a second time */
    ml_state_set_slot(slot, ML_STATE_PLAIN); /* the order: see above */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&magazine->top, top - 1, __ATOMIC_RELAXED);
    ml_count(&magazine->mallocs, 1);
    return slot;
}

/* NULL: it is done. Begun inside, so that nobody stops the thread before. */
static inline void ml_thread_set_blank(struct ml_thread *self, void *from)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the program may write to it then */
    __atomic_store_n(&self->blank, from, __ATOMIC_RELAXED);
}

static inline bool ml_thread_attached(void) { return ml_thread_self != &ml_thread_none; }

/* Give the calling thread a cache. 0, or -ENOMEM. own: it is one of memlog's
 * threads (its end is not watched). */
int ml_thread_attach(bool own);
/* The memory for that beforehand, so that a thread can be given it which is
 * about to start: NULL when there is none. Whoever reserves it attaches a
 * thread to it, or gives it back. */
struct ml_thread *ml_thread_reserve(void);
void ml_thread_unreserve(struct ml_thread *thread);
void ml_thread_attach_to(struct ml_thread *thread, bool own);
/* Slots and magazines go back; the block waits for another thread. */
void ml_thread_detach(struct ml_thread *thread);

/* Not 0: a fork is under way, and nobody enters. */
extern uint32_t ml_heap_closed;
void ml_heap_wait_until_open(struct ml_thread *self);

/* Around the slow paths. Between them the thread may hold locks of the heap;
 * a stop that is wanted meanwhile happens on leaving the outermost. */
static inline void ml_heap_enter(struct ml_thread *self)
{
    /* A full barrier: whoever closes the heap sees this, or this thread that. */
    uint32_t inside = self->inside + 1;
    __atomic_exchange_n(&self->inside, inside, __ATOMIC_SEQ_CST);
    if (ml_unlikely(__atomic_load_n(&ml_heap_closed, __ATOMIC_SEQ_CST)) && inside == 1)
        ml_heap_wait_until_open(self);
}
static inline void ml_heap_leave(struct ml_thread *self)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&self->inside, self->inside - 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (ml_unlikely(__atomic_load_n(&self->stop_wanted, __ATOMIC_RELAXED)) && self->inside == 0)
        ml_heap_hooks.stop_wanted();
}

/* Fill an empty magazine with at least one slot; false when there is no
 * memory. Self must be inside. */
bool ml_magazine_refill(struct ml_thread *self, unsigned bin);
/* Make room in a full magazine (there is none afterwards only when there is
 * no memory for the magazine itself). Self must be inside. */
void ml_magazine_flush(struct ml_thread *self, unsigned bin);
/* Whether a slot that is to be freed had better go back to where it is from: the first few
 * that come to a thread without a magazine for them, of a span of others. It would use
 * them again, beside what those use, in one line of the cache. */
bool ml_magazine_declines(struct ml_thread *self, unsigned bin, const void *slot);
/* Mark the magazine as used, so that readers look at its counters. */
void ml_magazine_note_use(struct ml_thread *self, unsigned bin);
/* Give back all slots and shrink the magazines. Self must be inside, or the thread gone. */
void ml_thread_flush_all(struct ml_thread *thread);

/* Nobody but the calling thread is in the slow paths, or gets in, until they
 * are opened again. Before the heap's locks are taken for a fork. */
void ml_threads_close(void);
void ml_threads_open(void);
/* In a forked child: the other threads are gone, wherever they were outside
 * the slow paths. */
void ml_thread_after_fork_child(void);
void ml_thread_lock_all(void);
void ml_thread_unlock_all(void);

#endif
