/* SPDX-License-Identifier: MIT */
/* test_api_collect.c - the collector's public functions, as memlog.h describes
 * them: what is collected, what keeps objects alive, threads, settings.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "memlog.h"
#include "unit.h"

enum { OBJECTS = 1000 };

static struct memlog_memstats stats_now(void)
{
    struct memlog_memstats stats;
    ck_assert_int_eq(memlog_read_memstats(&stats), 0);
    return stats;
}

static struct memlog_extra extra_now(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    ck_assert_int_eq(memlog_read_extra(&extra), 0);
    return extra;
}

/* ---- what is kept ------------------------------------------------------ */

/* Some of a thousand may be held by words that look like pointers to them. */
enum { STRAY = 50 };

/* A table that the collector does not see: addresses with all bits turned. */
static uintptr_t hidden[OBJECTS];

__attribute__((noinline)) static void hide(void *(*allocate)(size_t), size_t size)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        unsigned char *object = allocate(size);
        memset(object, 0x5c, size);
        hidden[i] = ~(uintptr_t)object;
    }
}

__attribute__((noinline)) static void copy_hidden_to(void **table)
{
    for (size_t i = 0; i < OBJECTS; i++)
        table[i] = (void *)~hidden[i];
}

/* Objects that a collection frees. */
static uint64_t swept_by_gc(void)
{
    uint64_t before = extra_now().frees_swept;
    memlog_gc();
    return extra_now().frees_swept - before;
}

static void check_all_swept(void) { ck_assert_uint_ge(swept_by_gc(), OBJECTS - STRAY); }
static void check_none_swept(void) { ck_assert_uint_le(swept_by_gc(), STRAY); }

START_TEST(what_nobody_refers_to_is_collected_and_booked)
{
    struct memlog_memstats before = stats_now();
    hide(memlog_malloc, 100);
    memlog_gc();
    struct memlog_memstats after = stats_now();
    ck_assert_uint_eq(after.mallocs, before.mallocs + OBJECTS);
    ck_assert_uint_ge(after.frees, before.frees + OBJECTS - STRAY);
    ck_assert_uint_eq(after.num_gc, before.num_gc + 1);
    ck_assert_uint_eq(after.num_forced_gc, before.num_forced_gc + 1);
    ck_assert_uint_gt(after.last_gc, before.last_gc);
    ck_assert_uint_gt(after.pause_total_ns, before.pause_total_ns);
}
END_TEST

START_TEST(uncollectable_objects_live_until_they_are_freed)
{
    hide(memlog_malloc_uncollectable, 100);
    check_none_swept();
    for (size_t i = 0; i < OBJECTS; i++)
        memlog_free((void *)~hidden[i]);
}
END_TEST

static void *volatile kept_table; /* in the program's data: a root */

START_TEST(objects_refer_to_objects_and_noscan_ones_do_not)
{
    hide(memlog_malloc, 100);
    kept_table = memlog_calloc(OBJECTS, sizeof(void *));
    copy_hidden_to(kept_table);
    check_none_swept();
    kept_table = memlog_malloc_noscan(OBJECTS * sizeof(void *));
    copy_hidden_to(kept_table);
    check_all_swept();
}
END_TEST

START_TEST(realloc_keeps_the_kind)
{
    static const size_t bytes = OBJECTS * sizeof(void *);
    hide(memlog_malloc, 100);
    kept_table = memlog_realloc(memlog_malloc(16), bytes);
    copy_hidden_to(kept_table);
    check_none_swept();
    kept_table = memlog_realloc(memlog_malloc_noscan(16), bytes);
    copy_hidden_to(kept_table);
    check_all_swept();

    hide(memlog_malloc, 100);
    uintptr_t table = ~(uintptr_t)memlog_realloc(memlog_malloc_uncollectable(16), 10 * bytes);
    copy_hidden_to((void **)~table);
    kept_table = NULL;
    check_none_swept();
    memlog_free((void *)~table);
    check_all_swept();
}
END_TEST

START_TEST(added_roots_are_scanned_until_removed_as_often)
{
    size_t bytes = OBJECTS * sizeof(void *);
    void **table = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(table, MAP_FAILED);
    ck_assert_int_eq(memlog_remove_roots(table, table + OBJECTS), -ENOENT);
    ck_assert_int_eq(memlog_add_roots(table + 1, table), -EINVAL);
    ck_assert_int_eq(memlog_add_roots(table, table), 0);
    ck_assert_int_eq(memlog_remove_roots(table, table), 0);

    hide(memlog_malloc, 100);
    copy_hidden_to(table);
    ck_assert_int_eq(memlog_add_roots(table, table + OBJECTS), 0);
    ck_assert_int_eq(memlog_add_roots(table, table + OBJECTS), 0);
    check_none_swept();
    ck_assert_uint_eq(extra_now().root_added_bytes, 2 * bytes);
    ck_assert_int_eq(memlog_remove_roots(table, table + OBJECTS), 0);
    check_none_swept();
    ck_assert_int_eq(memlog_remove_roots(table, table + OBJECTS), 0);
    ck_assert_int_eq(memlog_remove_roots(table, table + OBJECTS), -ENOENT);
    check_all_swept();
}
END_TEST

START_TEST(percentage_is_set_and_told)
{
    struct memlog_memstats stats;
    ck_assert_int_eq(memlog_set_gc_percent(50), 100);
    ck_assert_int_eq(extra_now().gc_percent, 50);
    ck_assert_int_eq(memlog_set_gc_percent(-7), 50);
    ck_assert_int_eq(extra_now().gc_percent, -1);
    stats = stats_now();
    ck_assert(!stats.enable_gc);
    ck_assert_uint_eq(stats.next_gc, INT64_MAX);
    for (int i = 0; i < 1000; i++)
        ck_assert_ptr_nonnull(memlog_malloc_noscan(100000));
    ck_assert_uint_eq(stats_now().num_gc, stats.num_gc);
    ck_assert_int_lt(memlog_set_gc_percent(100), 0);
    ck_assert(stats_now().enable_gc);
    for (int i = 0; i < 1000; i++)
        ck_assert_ptr_nonnull(memlog_malloc_noscan(100000));
    stats = stats_now();
    ck_assert_uint_gt(stats.num_gc, 0);
    ck_assert_uint_eq(stats.num_forced_gc, 0);
}
END_TEST

static uint64_t held_now(void)
{
    struct memlog_memstats stats = stats_now();
    return stats.sys - stats.heap_released;
}

START_TEST(memory_limit_is_set_told_and_kept)
{
    enum { LIMIT = 40000000 };
    ck_assert_int_eq(memlog_set_memory_limit(-1), INT64_MAX);
    ck_assert_int_eq(extra_now().memory_limit, INT64_MAX);
    ck_assert_uint_eq(extra_now().limit_goal, INT64_MAX);
    memlog_set_gc_percent(-1);
    for (int i = 0; i < 1000; i++)
        memset(memlog_malloc_noscan(100000), 1, 100000);
    ck_assert_uint_eq(stats_now().num_gc, 0);
    ck_assert_uint_gt(held_now(), 100000000);
    ck_assert_int_eq(memlog_set_memory_limit(LIMIT), INT64_MAX);
    ck_assert_int_eq(memlog_set_memory_limit(INT64_MIN), LIMIT);
    ck_assert_int_eq(extra_now().memory_limit, LIMIT);
    memset(memlog_malloc_noscan(100000), 1, 100000);
    ck_assert_uint_ge(stats_now().num_gc, 1);
    ck_assert_uint_le(held_now(), LIMIT);
    struct memlog_memstats stats;
    uint64_t goal;
    do { /* the collector may just be taking stock */
        goal = extra_now().limit_goal;
        stats = stats_now();
    } while (extra_now().limit_goal != goal);
    ck_assert_uint_eq(stats.next_gc, goal);
    ck_assert_uint_lt(stats.next_gc, LIMIT);
    ck_assert_uint_eq(stats.num_forced_gc, 0);
    ck_assert(!stats.enable_gc);
    ck_assert_int_eq(memlog_set_memory_limit(INT64_MAX), LIMIT);
    ck_assert_uint_eq(stats_now().next_gc, INT64_MAX);
}
END_TEST

START_TEST(free_pages_go_back_to_the_system)
{
    memlog_set_gc_percent(-1);
    for (int i = 0; i < 500; i++)
        memset(memlog_malloc_noscan(100000), 1, 100000);
    uint64_t rss = extra_now().rss;
    memlog_free_os_memory();
    struct memlog_memstats stats = stats_now();
    ck_assert_uint_le(stats.alloc, 1000000);
    ck_assert_uint_eq(stats.heap_idle, stats.heap_released);
    ck_assert_uint_ge(stats.num_forced_gc, 1);
    ck_assert_uint_le(extra_now().rss + 30000000, rss);
}
END_TEST

/* No collection in here: it starts a thread of memlog's own, which counts. */
static void *register_often(void *unused)
{
    ck_assert_int_eq(memlog_register_thread(), 0);
    uint64_t threads = extra_now().threads;
    ck_assert_int_eq(memlog_register_thread(), 0);
    ck_assert_uint_eq(extra_now().threads, threads);
    ck_assert_int_eq(memlog_unregister_thread(), 0);
    ck_assert_uint_eq(extra_now().threads, threads - 1);
    ck_assert_int_eq(memlog_unregister_thread(), 0);
    ck_assert_uint_eq(extra_now().threads, threads - 1);
    ck_assert_int_eq(memlog_register_thread(), 0);
    memlog_free(memlog_malloc(100));
    ck_assert_uint_eq(extra_now().threads, threads);
    return unused;
}

static void in_a_thread(void *(*run)(void *))
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(threads_register_and_unregister_at_will)
{
    register_often(NULL);
    uint64_t before = extra_now().threads;
    in_a_thread(register_often);
    ck_assert_uint_eq(extra_now().threads, before);
}
END_TEST

static void *keep_over_a_collection(void *unused)
{
    ck_assert_int_eq(memlog_unregister_thread(), 0);
    ck_assert_int_eq(memlog_register_thread(), 0);
    unsigned char *volatile object = memlog_malloc(100);
    object[50] = 42;
    memlog_gc();
    hide(memlog_malloc, 100); /* takes what was freed */
    ck_assert_uint_eq(object[50], 42);
    return unused;
}

START_TEST(stacks_of_registered_threads_are_scanned)
{
    keep_over_a_collection(NULL);
    in_a_thread(keep_over_a_collection);
}
END_TEST

__attribute__((noinline)) static void use_and_keep(void)
{
    unsigned char *object = memlog_malloc(100);
    object[50] = 42;
    uintptr_t turned = ~(uintptr_t)object;
    memlog_gc();
    ck_assert_uint_eq(((unsigned char *)~turned)[50], 42);
    memlog_keep_alive(object);
}

START_TEST(kept_objects_are_alive) { use_and_keep(); }
END_TEST

UNIT_MAIN("api collect", what_nobody_refers_to_is_collected_and_booked,
          uncollectable_objects_live_until_they_are_freed,
          objects_refer_to_objects_and_noscan_ones_do_not, realloc_keeps_the_kind,
          added_roots_are_scanned_until_removed_as_often, percentage_is_set_and_told,
          memory_limit_is_set_told_and_kept, free_pages_go_back_to_the_system, threads_register_and_unregister_at_will,
          stacks_of_registered_threads_are_scanned, kept_objects_are_alive)
