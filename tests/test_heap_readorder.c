/* SPDX-License-Identifier: MIT */
/* test_heap_readorder.c - a reader of the counters that is interrupted after
 * each of its instructions, by threads that allocate, hand over and free: an
 * order in which counters are read that is not quite right shows each time,
 * and not once in a million.
 *
 * The processor's single-step flag does it. Who interrupts are two blocks of
 * threads that the handler works for in turn.
 */
#include <signal.h>

#include "heap/counters.h"
#include "heap_unit.h"

enum { KINDS_OF_OBJECT = ML_KINDS, LIVE = 5, SPANFULS = 4 };

static struct ml_thread *giver, *taker;
static void (*interrupt)(void);
static uint64_t steps;


static void after_each_instruction(int signal)
{
    struct ml_thread *reader = ml_thread_self;
    (void)signal;
    steps++;
    interrupt();
    ml_thread_self = reader;
}

/* The flag is bit 8; the bytes below the stack pointer may be in use. */
#define CHANGE_FLAG(operation)                                            \
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\t" operation     \
                     "\n\tpopfq\n\tlea 128(%%rsp), %%rsp" : : : "memory", "cc")

static void read_interrupted(struct ml_counts *counts, void (*by)(void))
{
    struct sigaction action = { .sa_handler = after_each_instruction };
    ck_assert_int_eq(sigaction(SIGTRAP, &action, NULL), 0);
    interrupt = by;
    steps = 0;
    CHANGE_FLAG("orq $0x100, (%%rsp)");
    ml_counters_read(counts);
    CHANGE_FLAG("andq $~0x100, (%%rsp)");
}

static struct ml_thread *new_block(void)
{
    struct ml_thread *self = ml_thread_self;
    ck_assert_int_eq(ml_thread_attach(false), 0);
    struct ml_thread *block = ml_thread_self;
    ml_thread_self = self;
    return block;
}

/* One of the two is in the first block, the other in the last; with so many
 * between them they are in two groups. */
enum { MORE_THAN_A_GROUP = 65 };

static void make_threads(bool taker_is_first, unsigned others)
{
    ck_assert_int_eq(ml_heap_init(), 0);
    struct ml_thread *first = new_block();
    for (unsigned i = 0; i < others; i++)
        new_block();
    struct ml_thread *last = new_block();
    taker = taker_is_first ? first : last;
    giver = taker_is_first ? last : first;
}

/* Small, so that few steps change the spans' figures, which a reader waits for
 * to keep still. */
static const size_t sizes[KINDS_OF_OBJECT] = { 16, 48, 96, 160 };
static const enum ml_kind kinds[KINDS_OF_OBJECT] = { ML_SCAN, ML_NOSCAN, ML_UNCOLLECTABLE, ML_TYPED };

static void hand_one_over(unsigned which)
{
    ml_thread_self = giver;
    void *object = allocate(sizes[which], kinds[which]);
    ml_thread_self = taker;
    ml_heap_free(object);
}

static void hand_over(void)
{
    for (unsigned i = 0; i < KINDS_OF_OBJECT; i++)
        hand_one_over(i);
}

static void assert_nothing_is_missed(const struct ml_counts *now)
{
    for (unsigned i = 0; i < KINDS_OF_OBJECT; i++) {
        unsigned class = ml_sizeclass_of(sizes[i]);
        /* Those that lived all the time, and at most one more a step. */
        ck_assert_uint_ge(now->mallocs[class] - ml_counts_frees(now, class), LIVE);
        ck_assert_uint_le(now->mallocs[class] - ml_counts_frees(now, class), LIVE + steps);
    }
}

static void read_while_objects_are_handed_over(void)
{
    struct ml_counts now;
    ml_thread_self = giver;
    for (unsigned i = 0; i < KINDS_OF_OBJECT; i++)
        for (unsigned object = 0; object < LIVE; object++)
            ck_assert_ptr_nonnull(allocate(sizes[i], kinds[i]));
    hand_over();
    ml_thread_self = &ml_thread_none;
    for (int round = 0; round < 2; round++) {
        read_interrupted(&now, hand_over);
        ck_assert_uint_gt(steps, 500);
        assert_nothing_is_missed(&now);
    }
    ml_counters_read(&now);
    steps = 0;
    assert_nothing_is_missed(&now);
}

START_TEST(no_free_is_seen_without_its_malloc_whose_thread_is_newer)
{
    make_threads(true, MORE_THAN_A_GROUP);
    read_while_objects_are_handed_over();
}
END_TEST

START_TEST(no_free_is_seen_without_its_malloc_whose_thread_is_older)
{
    make_threads(false, MORE_THAN_A_GROUP);
    read_while_objects_are_handed_over();
}
END_TEST

/* ---- the first use of a magazine during the reading ---------------------------- */

static uint64_t begin_at;

/* The bin is in use; the giver has not used it until now. */
static void begin_to_hand_over(void)
{
    if (steps >= begin_at)
        hand_one_over(0);
}

START_TEST(no_free_is_seen_without_its_malloc_in_a_magazine_just_begun)
{
    enum { APART = 25, MOST = 1000 };
    struct ml_counts now;
    make_threads(true, 0);
    unsigned class = ml_sizeclass_of(sizes[0]);
    ml_thread_self = taker;
    ck_assert_ptr_nonnull(allocate(sizes[0], kinds[0]));
    ml_thread_self = &ml_thread_none;
    for (begin_at = 0; begin_at < MOST; begin_at += APART) {
        giver = new_block();
        read_interrupted(&now, begin_to_hand_over);
        ck_assert_uint_ge(now.mallocs[class], ml_counts_frees(&now, class) + 1);
    }
}
END_TEST

/* ---- spans that come and go with their objects ----------------------------------- */

static void *objects[SPANFULS];

/* All live or none does, in spans that come and go with them: not at each
 * step, or the figures would never keep still. */
enum { EVERY = 300 };
static uint64_t phase;

static void breathe(void)
{
    if (steps % EVERY != phase)
        return;
    ml_thread_self = giver;
    if (objects[0] == NULL) {
        for (unsigned i = 0; i < SPANFULS; i++)
            objects[i] = allocate(ML_SMALL_MAX, ML_NOSCAN);
        return;
    }
    ml_thread_self = taker;
    for (unsigned i = 0; i < SPANFULS; i++) {
        ml_heap_free(objects[i]);
        objects[i] = NULL;
    }
    ml_heap_enter(taker);
    ml_thread_flush_all(taker);
    ml_heap_leave(taker);
    ml_heap_enter(giver);
    ml_thread_flush_all(giver);
    ml_heap_leave(giver);
}

START_TEST(objects_never_fill_more_than_the_spans)
{
    enum { APART = 10 };
    struct ml_counts now, before = { 0 };
    make_threads(true, 0);
    unsigned class = ml_sizeclass_of(ML_SMALL_MAX);
    steps = 0;
    breathe();
    for (phase = 0; phase < EVERY; phase += APART) {
        read_interrupted(&now, breathe);
        ck_assert_uint_le(ml_counts_small_bytes(&now), now.pages.inuse_bytes);
        ck_assert_uint_le(ml_counts_frees(&now, class), now.mallocs[class]);
        ck_assert_uint_ge(ml_counts_frees(&now, class), ml_counts_frees(&before, class));
        ck_assert_uint_ge(now.mallocs[class], before.mallocs[class]);
        before = now;
    }
    ck_assert_uint_gt(before.mallocs[class], EVERY / APART * SPANFULS / 2);
}
END_TEST

UNIT_MAIN("heap readorder", no_free_is_seen_without_its_malloc_whose_thread_is_newer,
          no_free_is_seen_without_its_malloc_whose_thread_is_older,
          no_free_is_seen_without_its_malloc_in_a_magazine_just_begun,
          objects_never_fill_more_than_the_spans)
