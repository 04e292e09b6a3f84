/* SPDX-License-Identifier: MIT */
/* test_api_exact.c - the numbers are exact at once: so many allocations, so
 * many more; and reading them changes none. What a block takes is reckoned
 * here from the public headers: a size class or whole pages, with one byte
 * more for objects above 256 bytes.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "memlog.h"
#include "unit.h"

enum { MOST = 1000, PAGE_BYTES = 8192, PAD_ABOVE = 256 };

static struct memlog_memstats before, after;
static struct memlog_extra extra_before, extra_after;
static void *objects[MOST];

static void read_into(struct memlog_memstats *stats, struct memlog_extra *extra)
{
    extra->size = sizeof(*extra);
    ck_assert_int_eq(memlog_read_memstats(stats), 0);
    ck_assert_int_eq(memlog_read_extra(extra), 0);
}
static void begin(void) { read_into(&before, &extra_before); }
static void end(void) { read_into(&after, &extra_after); }

/* The row of by_size that serves a request, 0: none, it is large. */
static int class_of(size_t request)
{
    size_t block = request + (request > PAD_ABOVE);
    for (int i = 1; i <= MEMLOG_SIZE_CLASSES; i++)
        if (block <= before.by_size[i].size)
            return i;
    return 0;
}

static uint64_t block_bytes(size_t request)
{
    int class = class_of(request);
    if (class != 0)
        return before.by_size[class].size;
    return (request + PAGE_BYTES) / PAGE_BYTES * PAGE_BYTES; /* with the pad */
}

/* Between begin and end there were so many objects of that size. */
static void check_growth(size_t request, uint64_t mallocs, uint64_t frees)
{
    uint64_t bytes = block_bytes(request);
    int class = class_of(request);
    ck_assert_uint_eq(after.mallocs - before.mallocs, mallocs);
    ck_assert_uint_eq(after.frees - before.frees, frees);
    ck_assert_uint_eq(after.heap_objects - before.heap_objects, mallocs - frees);
    ck_assert_uint_eq(after.total_alloc - before.total_alloc, mallocs * bytes);
    ck_assert_uint_eq(after.alloc - before.alloc, (mallocs - frees) * bytes);
    ck_assert_uint_eq(extra_after.frees_explicit - extra_before.frees_explicit, frees);
    ck_assert_uint_eq(extra_after.bytes_freed_explicit - extra_before.bytes_freed_explicit,
                      frees * bytes);
    ck_assert_uint_eq(extra_after.frees_swept, extra_before.frees_swept);
    for (int i = 1; i < MEMLOG_BY_SIZE; i++) {
        bool own = i == class;
        ck_assert_uint_eq(after.by_size[i].mallocs - before.by_size[i].mallocs, own ? mallocs : 0);
        ck_assert_uint_eq(after.by_size[i].frees - before.by_size[i].frees, own ? frees : 0);
    }
    bool large = class == 0;
    ck_assert_uint_eq(extra_after.large_mallocs - extra_before.large_mallocs, large ? mallocs : 0);
    ck_assert_uint_eq(extra_after.large_frees - extra_before.large_frees, large ? frees : 0);
    ck_assert_uint_eq(extra_after.large_malloc_bytes - extra_before.large_malloc_bytes,
                      large ? mallocs * bytes : 0);
    ck_assert_uint_eq(extra_after.large_free_bytes - extra_before.large_free_bytes,
                      large ? frees * bytes : 0);
}

static const size_t sizes[] = { 0,    1,    16,   17,   48,   100,  255,   256,   257,   500,
                                512,  1000, 1023, 1024, 2047, 3000, 8191,  8192,  16000, 32766,
                                32767, 32768, 40000, 65535, 65536, 65537, 80000, 1000000 };
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Fewer of the large ones. */
static size_t count_for(size_t size) { return size > 8192 ? 50 : MOST; }

static void check_size(void *(*allocate)(size_t), size_t size)
{
    size_t count = count_for(size);
    begin();
    for (size_t i = 0; i < count; i++)
        objects[i] = allocate(size);
    end();
    check_growth(size, count, 0);
    ck_assert_uint_eq(memlog_usable_size(objects[0]), block_bytes(size) - (size > PAD_ABOVE ||
                      block_bytes(size) > PAD_ABOVE));
    begin();
    for (size_t i = 0; i < count; i++)
        memlog_free(objects[i]);
    end();
    check_growth(size, 0, count);
    begin();
    for (size_t i = 0; i < count; i++)
        memlog_free(allocate(size));
    end();
    check_growth(size, count, count);
}

static void check_sizes(void *(*allocate)(size_t))
{
    memlog_set_gc_percent(-1);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        check_size(allocate, sizes[i]);
}

START_TEST(scanned_objects_are_counted_exactly) { check_sizes(memlog_malloc); }
END_TEST
START_TEST(noscan_objects_are_counted_exactly) { check_sizes(memlog_malloc_noscan); }
END_TEST
START_TEST(uncollectable_objects_are_counted_exactly) { check_sizes(memlog_malloc_uncollectable); }
END_TEST

static void *allocate_hundred(void *size)
{
    for (int i = 0; i < 100; i++)
        objects[i] = memlog_malloc((size_t)size);
    return NULL;
}

static void in_a_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run, argument), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(counts_of_threads_that_have_ended_stay)
{
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        begin();
        in_a_thread(allocate_hundred, (void *)sizes[i]);
        end();
        check_growth(sizes[i], 100, 0);
        /* Freed by a thread that did not allocate them. */
        begin();
        for (int k = 0; k < 100; k++)
            memlog_free(objects[k]);
        end();
        check_growth(sizes[i], 0, 100);
    }
}
END_TEST

START_TEST(swept_objects_are_told_from_freed_ones)
{
    memlog_set_gc_percent(-1);
    begin();
    for (int i = 0; i < 100; i++)
        memlog_free(memlog_malloc(100));
    for (int i = 0; i < MOST; i++)
        objects[i] = memlog_malloc(100);
    memset(objects, 0, sizeof(objects));
    memlog_gc();
    end();
    uint64_t swept = extra_after.frees_swept - extra_before.frees_swept;
    ck_assert_uint_ge(swept, MOST - 50); /* some may be held by chance */
    ck_assert_uint_le(swept, MOST);
    ck_assert_uint_eq(extra_after.frees_explicit - extra_before.frees_explicit, 100);
    ck_assert_uint_eq(after.frees - before.frees, 100 + swept);
    ck_assert_uint_eq(extra_after.bytes_freed_swept - extra_before.bytes_freed_swept,
                      swept * block_bytes(100));
    ck_assert_uint_eq(extra_after.live_objects, after.heap_objects);
    ck_assert_uint_eq(extra_after.live_bytes, after.heap_alloc);
}
END_TEST

START_TEST(moved_object_is_one_malloc_and_one_free)
{
    void *object = memlog_malloc(100);
    begin();
    object = memlog_realloc(object, 1000);
    end();
    ck_assert_uint_eq(after.mallocs - before.mallocs, 1);
    ck_assert_uint_eq(after.frees - before.frees, 1);
    ck_assert_uint_eq(after.total_alloc - before.total_alloc, block_bytes(1000));
    ck_assert_uint_eq(after.alloc - before.alloc, block_bytes(1000) - block_bytes(100));
    memlog_free(object);
}
END_TEST

START_TEST(object_that_stays_changes_nothing)
{
    char *object = memlog_malloc(100);
    begin();
    ck_assert_ptr_eq(memlog_realloc(object, 105), object);
    end();
    check_growth(100, 0, 0);
    memlog_free(object);
}
END_TEST

/* ---- reading ------------------------------------------------------------ */

START_TEST(reading_changes_nothing)
{
    static char json[20480];
    for (int i = 0; i < 100; i++)
        objects[i] = memlog_malloc(100);
    begin();
    for (int i = 0; i < 1000; i++) {
        end();
        ck_assert_int_gt(memlog_memstats_json(&after, json, sizeof(json)), 0);
    }
    ck_assert_int_eq(memcmp(&before, &after, sizeof(before)), 0);
}
END_TEST

START_TEST(null_is_refused)
{
    char json[64];
    struct memlog_extra none = { .size = 0 };
    ck_assert_int_eq(memlog_read_memstats(NULL), -EINVAL);
    ck_assert_int_eq(memlog_read_extra(NULL), -EINVAL);
    ck_assert_int_eq(memlog_read_extra(&none), -EINVAL);
    ck_assert_int_eq(memlog_memstats_json(NULL, json, sizeof(json)), -EINVAL);
}
END_TEST

START_TEST(extra_of_an_older_program_is_filled_as_far_as_it_goes)
{
    struct memlog_extra extra;
    memset(&extra, 0xaa, sizeof(extra));
    memlog_free(memlog_malloc(100000));
    extra.size = offsetof(struct memlog_extra, frees_swept);
    ck_assert_int_eq(memlog_read_extra(&extra), 0);
    ck_assert_uint_eq(extra.size, offsetof(struct memlog_extra, frees_swept));
    ck_assert_uint_eq(extra.large_frees, 1);
    ck_assert_uint_eq(extra.frees_explicit, 1);
    const unsigned char *bytes = (const unsigned char *)&extra;
    for (size_t i = extra.size; i < sizeof(extra); i++)
        ck_assert_uint_eq(bytes[i], 0xaa);
}
END_TEST

START_TEST(extra_of_a_newer_program_is_filled_as_far_as_it_is_known)
{
    struct {
        struct memlog_extra extra;
        unsigned char more[64];
    } newer;
    memset(&newer, 0xaa, sizeof(newer));
    newer.extra.size = sizeof(newer);
    ck_assert_int_eq(memlog_read_extra(&newer.extra), 0);
    ck_assert_uint_eq(newer.extra.size, sizeof(newer));
    ck_assert_uint_gt(newer.extra.rss, 0);
    ck_assert_int_eq(newer.extra.gc_percent, 100);
    for (size_t i = 0; i < sizeof(newer.more); i++)
        ck_assert_uint_eq(newer.more[i], 0xaa);
}
END_TEST

START_TEST(json_is_cut_as_snprintf_cuts)
{
    static char whole[20480], cut[20480];
    begin();
    int length = memlog_memstats_json(&before, whole, sizeof(whole));
    ck_assert_int_gt(length, 3000);
    ck_assert_int_lt(length, (int)sizeof(whole));
    ck_assert_uint_eq(strlen(whole), (size_t)length);
    ck_assert_int_eq(memlog_memstats_json(&before, NULL, 0), length);
    const size_t rooms[] = { 1, 2, 100, (size_t)length - 1, (size_t)length, (size_t)length + 1 };
    for (size_t i = 0; i < COUNT_OF(rooms); i++) {
        memset(cut, 'x', sizeof(cut));
        ck_assert_int_eq(memlog_memstats_json(&before, cut, rooms[i]), length);
        ck_assert_uint_eq(strlen(cut), rooms[i] - 1);
        ck_assert_int_eq(memcmp(cut, whole, rooms[i] - 1), 0);
        ck_assert_int_eq(cut[rooms[i]], 'x');
    }
}
END_TEST

START_TEST(longest_json_fits_the_promised_buffer)
{
    static struct memlog_memstats stats;
    memset(&stats, 0xff, sizeof(stats));
    stats.gc_cpu_fraction = -2.2250738585072014e-308;
    stats.enable_gc = stats.debug_gc = false;
    ck_assert_int_lt(memlog_memstats_json(&stats, NULL, 0), 20480);
}
END_TEST

UNIT_MAIN("api exact", scanned_objects_are_counted_exactly, noscan_objects_are_counted_exactly,
          uncollectable_objects_are_counted_exactly, counts_of_threads_that_have_ended_stay,
          swept_objects_are_told_from_freed_ones, moved_object_is_one_malloc_and_one_free,
          object_that_stays_changes_nothing, reading_changes_nothing, null_is_refused,
          extra_of_an_older_program_is_filled_as_far_as_it_goes,
          extra_of_a_newer_program_is_filled_as_far_as_it_is_known, json_is_cut_as_snprintf_cuts,
          longest_json_fits_the_promised_buffer)
