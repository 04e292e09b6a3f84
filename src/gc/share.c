/* SPDX-License-Identifier: MIT */
#include "gc/share.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "heap/metadata.h"
#include "os/thread.h"

struct packet {
    struct packet *next;
    uintptr_t count;
    uintptr_t words[ML_PACKET_WORDS];
};
_Static_assert(sizeof(struct packet) == 4096, "a page each");

enum {
    PACKETS = 64,
    SPINS = 256 /* pauses, some ten microseconds in all, before a waiter sleeps */
};

uint32_t ml_share_hungry;

ML_NO_ROOT static struct {
    struct ml_lock lock;
    struct packet *full, *empty;
    struct packet *memory;
    uint32_t busy;       /* markers at work */
    uint32_t round;      /* the number of the last that was opened */
    uint32_t is_open;
    uint32_t called;     /* the number of the last that helpers were called to; they sleep on it */
    uint32_t events;     /* changes when a packet came or all is done; who waits sleeps on it */
    uint32_t sleepers;   /* on events */
    struct ml_share_sums sums;
    uint64_t cpu_ns;
} share;

int ml_share_init(void)
{
    if (share.memory != NULL)
        return 0;
    struct packet *memory = ml_metadata_alloc(ML_POOL_GC, PACKETS * sizeof(struct packet));
    if (memory == NULL)
        return -ENOMEM;
    __atomic_store_n(&share.memory, memory, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < PACKETS; i++) {
        memory[i].next = share.empty;
        share.empty = &memory[i];
    }
    return 0;
}

/* ---- waiting ------------------------------------------------------------------------ */

/* With the lock held: something has happened. Returns whether to wake somebody
 * after unlocking. */
static bool note_event(void)
{
    __atomic_store_n(&share.events, share.events + 1, __ATOMIC_RELAXED);
    return share.sleepers != 0;
}

static void wake_all(void) { ml_os_futex_wake(&share.events, INT32_MAX); }

/* Called and returns with the lock held. */
static void wait_for_event(void)
{
    uint32_t seen = share.events;
    ml_unlock(&share.lock);
    for (unsigned spin = 0; spin < SPINS; spin++) {
        if (__atomic_load_n(&share.events, __ATOMIC_RELAXED) != seen) {
            ml_lock(&share.lock);
            return;
        }
        __builtin_ia32_pause();
    }
    ml_lock(&share.lock);
    if (share.events != seen)
        return;
    share.sleepers++;
    ml_unlock(&share.lock);
    ml_os_futex_wait(&share.events, seen, 0);
    ml_lock(&share.lock);
    share.sleepers--;
}

static void set_hungry(int by)
{
    __atomic_store_n(&ml_share_hungry, ml_share_hungry + (uint32_t)by, __ATOMIC_RELAXED);
}

/* Lock held; the stack is empty, and any stack has room for a packet. */
static void take_packet(struct ml_mark_stack *into)
{
    struct packet *packet = share.full;
    memcpy(into->words, packet->words, packet->count * sizeof(*into->words));
    into->bottom = 0;
    into->top = packet->count;
    share.full = packet->next;
    packet->next = share.empty;
    share.empty = packet;
}

size_t ml_share_give(struct ml_mark_stack *from, size_t count)
{
    bool wake = false;
    size_t given = 0;
    ml_lock(&share.lock);
    struct packet *packet = share.empty;
    if (packet != NULL) {
        given = ml_markstack_take_bottom(from, packet->words, ml_min(count, ML_PACKET_WORDS));
        packet->count = given;
        if (given != 0) {
            share.empty = packet->next;
            packet->next = share.full;
            share.full = packet;
            wake = note_event();
        }
    }
    ml_unlock(&share.lock);
    if (wake)
        ml_os_futex_wake(&share.events, 1);
    return given;
}

/* ---- the marking thread ---------------------------------------------------------------- */

void ml_share_open(void)
{
    ml_lock(&share.lock);
    share.busy = 1;
    __atomic_store_n(&share.round, share.round + 1, __ATOMIC_RELAXED);
    share.is_open = 1;
    ml_unlock(&share.lock);
}

void ml_share_call(void)
{
    if (__atomic_load_n(&share.memory, __ATOMIC_RELAXED) == NULL)
        return;
    __atomic_store_n(&share.called, __atomic_load_n(&share.round, __ATOMIC_RELAXED),
                     __ATOMIC_RELEASE);
    ml_os_futex_wake(&share.called, INT32_MAX);
}

bool ml_share_wait(struct ml_mark_stack *into)
{
    bool got = false;
    ml_lock(&share.lock);
    share.busy--;
    if (share.busy != 0 || share.full != NULL) {
        set_hungry(1);
        while (share.full == NULL && share.busy != 0)
            wait_for_event();
        set_hungry(-1);
        if (share.full != NULL) {
            take_packet(into);
            got = true;
        }
    }
    share.busy++; /* until the round is closed */
    ml_unlock(&share.lock);
    return got;
}

struct ml_share_sums ml_share_collect(void)
{
    ml_lock(&share.lock);
    struct ml_share_sums sums = share.sums;
    share.sums = (struct ml_share_sums){ 0 };
    ml_unlock(&share.lock);
    return sums;
}

void ml_share_close(void)
{
    ml_lock(&share.lock);
    share.is_open = 0;
    bool wake = note_event();
    ml_unlock(&share.lock);
    if (wake)
        wake_all();
}

uint64_t ml_share_cpu_ns(void) { return __atomic_load_n(&share.cpu_ns, __ATOMIC_RELAXED); }

/* ---- helpers ----------------------------------------------------------------------------- */

uint32_t ml_share_join(uint32_t last)
{
    uint32_t called;
    while ((called = __atomic_load_n(&share.called, __ATOMIC_ACQUIRE)) == last)
        ml_os_futex_wait(&share.called, last, 0);
    return called;
}

/* A helper has done a packet's work, lock held: books it. Returns whether to wake
 * the others, since that was all. A round does not end before that. */
static bool has_finished(const struct ml_share_sums *done)
{
    share.sums.objects += done->objects;
    share.sums.bytes += done->bytes;
    share.sums.looked_up += done->looked_up;
    share.sums.pages_again += done->pages_again;
    share.sums.overflows += done->overflows;
    share.busy--;
    return share.busy == 0 && share.full == NULL && note_event();
}

bool ml_share_take(uint32_t round, const struct ml_share_sums *done, uint64_t cpu_ns,
                   struct ml_mark_stack *into)
{
    bool got = false;
    ml_lock(&share.lock);
    __atomic_store_n(&share.cpu_ns, share.cpu_ns + cpu_ns, __ATOMIC_RELAXED);
    if (done != NULL && has_finished(done))
        wake_all();
    if (share.is_open && share.round == round) {
        set_hungry(1);
        while (share.full == NULL && share.is_open && share.round == round)
            wait_for_event();
        set_hungry(-1);
        if (share.is_open && share.round == round) {
            take_packet(into);
            share.busy++;
            got = true;
        }
    }
    ml_unlock(&share.lock);
    return got;
}

/* ---- fork --------------------------------------------------------------------------------- */

void ml_share_after_fork_child(void)
{
    struct packet *memory = share.memory;
    if (memory != NULL)
        ml_metadata_free(ML_POOL_GC, memory, PACKETS * sizeof(*memory));
    memset(&share, 0, sizeof(share));
    ml_share_hungry = 0;
}
