/* SPDX-License-Identifier: MIT */
/* test_heap_counters.c - what readers see while everybody goes on: every
 * snapshot keeps every identity, and at rest the sums are exact. */
#include "heap/counters.h"

#include <pthread.h>

#include "heap_unit.h"

void __wrap_ml_pageheap_read(struct ml_pageheap_figures *figures);
void __real_ml_pageheap_read(struct ml_pageheap_figures *figures);

/* What happens between a reader's look at the counters and at the spans. */
static void (*meanwhile)(void);

void __wrap_ml_pageheap_read(struct ml_pageheap_figures *figures)
{
    if (meanwhile != NULL)
        meanwhile();
    __real_ml_pageheap_read(figures);
}

/* ---- threads that hand objects to each other ----------------------------------- */

enum { THREADS = 4, QUEUE = 512, OPERATIONS = 60000 };

/* One mailbox a thread: whoever finds it full frees the object himself. */
static struct mailbox {
    pthread_mutex_t lock;
    void *objects[QUEUE];
    unsigned count;
} mailboxes[THREADS];

static uint64_t allocated_by_class[THREADS][ML_CLASSES];
static uint64_t freed_by_class[THREADS][ML_CLASSES];
static uint64_t large_allocated[THREADS], large_freed[THREADS];
static uint32_t running;

static bool post(struct mailbox *box, void *object)
{
    pthread_mutex_lock(&box->lock);
    bool room = box->count < QUEUE;
    if (room)
        box->objects[box->count++] = object;
    pthread_mutex_unlock(&box->lock);
    return room;
}

static void *collect(struct mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    void *object = box->count == 0 ? NULL : box->objects[--box->count];
    pthread_mutex_unlock(&box->lock);
    return object;
}

static void release_object(unsigned me, void *object)
{
    size_t bytes = ml_heap_block_bytes(object);
    if (bytes > ML_SMALL_MAX)
        large_freed[me]++;
    else
        freed_by_class[me][ml_sizeclass_of(bytes)]++;
    ml_heap_free(object);
}

static void *hand_over(void *argument)
{
    unsigned me = (unsigned)(uintptr_t)argument;
    uint64_t seed = me + 1;
    void *object;
    for (int i = 0; i < OPERATIONS; i++) {
        bool large = random_below(&seed, 500) == 0;
        size_t bytes = large ? 80000 + random_below(&seed, 100000)
                             : random_below(&seed, (uint64_t)64 << random_below(&seed, 8));
        object = allocate(bytes, (enum ml_kind)random_below(&seed, ML_KINDS));
        ck_assert_ptr_nonnull(object);
        if (large)
            large_allocated[me]++;
        else
            allocated_by_class[me][ml_sizeclass_of(bytes)]++;
        if (!post(&mailboxes[random_below(&seed, THREADS)], object))
            release_object(me, object);
        if (random_below(&seed, 2) && (object = collect(&mailboxes[me])) != NULL)
            release_object(me, object);
        if (i % 20000 == 10000)
            detach_self(); /* comes back as another thread would */
    }
    while ((object = collect(&mailboxes[me])) != NULL)
        release_object(me, object);
    detach_self();
    return NULL;
}

/* ---- what must hold in each snapshot ---------------------------------------------- */

static void assert_snapshot(const struct ml_counts *now, const struct ml_counts *before)
{
    const struct ml_pageheap_figures *p = &now->pages, *old = &before->pages;
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        ck_assert_uint_le(ml_counts_frees(now, class), now->mallocs[class]);
        ck_assert_uint_ge(now->explicit_frees[class], before->explicit_frees[class]);
        ck_assert_uint_ge(now->swept_frees[class], before->swept_frees[class]);
        ck_assert_uint_ge(now->mallocs[class], before->mallocs[class]);
    }
    ck_assert_uint_le(p->large_frees, p->large_mallocs);
    ck_assert_uint_le(p->large_free_bytes, p->large_malloc_bytes);
    ck_assert_uint_ge(p->large_mallocs, old->large_mallocs);
    ck_assert_uint_ge(p->large_frees, old->large_frees);
    ck_assert_uint_ge(p->large_malloc_bytes, old->large_malloc_bytes);
    ck_assert_uint_ge(p->large_free_bytes, old->large_free_bytes);
    ck_assert_uint_ge(p->heap_bytes, old->heap_bytes);
    ck_assert_uint_le(p->inuse_bytes + p->released_bytes, p->heap_bytes);
    uint64_t large = p->large_malloc_bytes - p->large_free_bytes;
    ck_assert_uint_le(ml_counts_small_bytes(now) + large, p->inuse_bytes);
    ck_assert_uint_le(now->threads, THREADS + 1);
}

static void *watch(void *snapshots)
{
    struct ml_counts before = { 0 }, now;
    do {
        ml_counters_read(&now);
        assert_snapshot(&now, &before);
        before = now;
        ++*(uint64_t *)snapshots;
    } while (__atomic_load_n(&running, __ATOMIC_ACQUIRE));
    return NULL;
}

static void *release_often(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE)) {
        ml_pageheap_release(1, 1 << 20);
        usleep(1000);
    }
    return NULL;
}

START_TEST(every_snapshot_keeps_every_identity_while_threads_hand_objects_over)
{
    pthread_t threads[THREADS], watcher, releaser;
    uint64_t snapshots = 0;
    ck_assert_int_eq(ml_heap_init(), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_mutex_init(&mailboxes[i].lock, NULL);
    running = 1;
    ck_assert_int_eq(pthread_create(&watcher, NULL, watch, &snapshots), 0);
    ck_assert_int_eq(pthread_create(&releaser, NULL, release_often, NULL), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hand_over, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
    pthread_join(watcher, NULL);
    pthread_join(releaser, NULL);
    ck_assert_uint_ge(snapshots, 1);
    assert_heap_is_whole();

    struct ml_counts now;
    ml_counters_read(&now);
    uint64_t mallocs[ML_CLASSES + 1] = { 0 }, frees[ML_CLASSES + 1] = { 0 };
    for (unsigned i = 0; i < THREADS; i++) {
        for (unsigned class = 0; class < ML_CLASSES; class++) {
            mallocs[class] += allocated_by_class[i][class];
            frees[class] += freed_by_class[i][class];
        }
        mallocs[ML_CLASSES] += large_allocated[i];
        frees[ML_CLASSES] += large_freed[i];
    }
    for (unsigned class = 0; class < ML_CLASSES; class++) { /* exact to the object */
        ck_assert_uint_eq(now.mallocs[class], mallocs[class]);
        ck_assert_uint_eq(ml_counts_frees(&now, class), frees[class]);
    }
    ck_assert_uint_eq(now.pages.large_mallocs, mallocs[ML_CLASSES]);
    ck_assert_uint_eq(now.pages.large_frees, frees[ML_CLASSES]);
    ck_assert_uint_eq(now.threads, 0);
}
END_TEST

/* ---- readings by hand --------------------------------------------------------------- */

START_TEST(before_anything_was_allocated_all_is_zero)
{
    static const struct ml_counts nothing;
    struct ml_counts now;
    memset(&now, 0xff, sizeof(now));
    ml_counters_read(&now);
    ck_assert_mem_eq(&now, &nothing, sizeof(now));
}
END_TEST

START_TEST(small_bytes_are_those_of_the_slots)
{
    struct ml_counts now;
    allocate(1, ML_SCAN);
    allocate(100, ML_NOSCAN);
    ml_heap_free(allocate(5000, ML_SCAN));
    allocate(20000, ML_SCAN);
    ml_counters_read(&now);
    ck_assert_uint_eq(ml_counts_small_bytes(&now), 16 + 112 + 20480);
    ck_assert_uint_eq(now.threads, 1);
}
END_TEST

/* Spans that come and go with all their objects: between a reader's looks at
 * the counters and at the spans much can happen. */
static void *pulse(void *unused)
{
    (void)unused;
    enum { ROUNDS = 2000, AT_ONCE = 100 };
    void *objects[AT_ONCE];
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < AT_ONCE; i++)
            objects[i] = allocate(ML_SMALL_MAX, ML_NOSCAN);
        for (unsigned i = 0; i < AT_ONCE; i++)
            ml_heap_free(objects[i]);
        /* Of this class at most one lives: a free seen without its malloc shows. */
        for (unsigned i = 0; i < 20 * AT_ONCE; i++)
            ml_heap_free(allocate(20000, ML_NOSCAN));
    }
    detach_self();
    return NULL;
}

START_TEST(objects_never_fill_more_than_the_spans_though_spans_come_and_go)
{
    pthread_t pulsing, watcher;
    uint64_t snapshots = 0;
    ck_assert_int_eq(ml_heap_init(), 0);
    running = 1;
    ck_assert_int_eq(pthread_create(&watcher, NULL, watch, &snapshots), 0);
    ck_assert_int_eq(pthread_create(&pulsing, NULL, pulse, NULL), 0);
    pthread_join(pulsing, NULL);
    __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
    pthread_join(watcher, NULL);
    assert_heap_is_whole();
}
END_TEST

enum { MANY = 300 }; /* more than bins keep empty */
static void *many[MANY];

static void allocate_many(void)
{
    for (unsigned i = 0; i < MANY; i++)
        many[i] = allocate(ML_SMALL_MAX, ML_NOSCAN);
}

/* Their spans go too; and more come and go that the reader has not seen come. */
static void free_many(void)
{
    meanwhile = NULL;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < MANY; i++)
            ml_heap_free(many[i]);
        ml_thread_flush_all(ml_thread_self);
        if (round < 2)
            allocate_many();
    }
}

START_TEST(objects_that_go_with_their_spans_during_the_reading_are_not_shown)
{
    struct ml_counts before, now;
    allocate_many();
    ml_counters_read(&before);
    meanwhile = free_many;
    ml_counters_read(&now);
    ck_assert_ptr_null(meanwhile);
    assert_snapshot(&now, &before);
    ck_assert_uint_eq(now.mallocs[ML_CLASSES - 1], MANY);
    ck_assert_uint_eq(ml_counts_small_bytes(&now), 0);
}
END_TEST

UNIT_MAIN("heap counters", objects_that_go_with_their_spans_during_the_reading_are_not_shown,
          before_anything_was_allocated_all_is_zero,
          small_bytes_are_those_of_the_slots, objects_never_fill_more_than_the_spans_though_spans_come_and_go,
          every_snapshot_keeps_every_identity_while_threads_hand_objects_over)
