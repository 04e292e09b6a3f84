/* SPDX-License-Identifier: MIT */
/* test_api_typed.c - objects of a type, as memlog.h describes them. Linked against
 * the shared library with the public headers only. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "identities.h"
#include "memlog.h"
#include "unit.h"

struct node {
    uint64_t number;
    struct node *next;
    uint64_t address;
    struct node *other[2];
};

static const struct memlog_type *node_type(void)
{
    unsigned long bitmap[MEMLOG_BITMAP_LONGS(struct node)] = { 0 };
    memlog_bitmap_set(bitmap, offsetof(struct node, next));
    memlog_bitmap_set(bitmap, offsetof(struct node, other[0]));
    memlog_bitmap_set(bitmap, offsetof(struct node, other[1]));
    const struct memlog_type *type =
        memlog_type_new(sizeof(struct node), bitmap, MEMLOG_BITMAP_LONGS(struct node));
    ck_assert_ptr_nonnull(type);
    return type;
}

static bool is_zero(const void *pointer, size_t bytes)
{
    const unsigned char *at = pointer;
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != 0)
            return false;
    return true;
}

/* ---- types ------------------------------------------------------------------------ */

START_TEST(a_bitmap_has_room_for_every_word)
{
    ck_assert_uint_eq(MEMLOG_BITMAP_LONGS(char), 1);
    ck_assert_uint_eq(MEMLOG_BITMAP_LONGS(char[512]), 1);
    ck_assert_uint_eq(MEMLOG_BITMAP_LONGS(char[513]), 2);
    ck_assert_uint_eq(MEMLOG_BITMAP_LONGS(char[1024]), 2);
    unsigned long bitmap[3] = { 0 };
    memlog_bitmap_set(bitmap, 0);
    memlog_bitmap_set(bitmap, 63 * 8);
    memlog_bitmap_set(bitmap, 64 * 8);
    memlog_bitmap_set(bitmap, 129 * 8);
    ck_assert_uint_eq(bitmap[0], 1ul << 63 | 1);
    ck_assert_uint_eq(bitmap[1], 1);
    ck_assert_uint_eq(bitmap[2], 2);
}
END_TEST

START_TEST(a_type_is_made_once)
{
    const struct memlog_type *type = node_type();
    for (int i = 0; i < 1000; i++)
        ck_assert_ptr_eq(node_type(), type);
}
END_TEST

START_TEST(a_bit_beyond_the_size_is_refused)
{
    unsigned long bitmap[] = { 1ul << 3, 1 };
    errno = 0;
    ck_assert_ptr_null(memlog_type_new(31, bitmap, 1));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(memlog_type_new(32, bitmap, 2));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_nonnull(memlog_type_new(32, bitmap, 1));
    ck_assert_ptr_nonnull(memlog_type_new(520, bitmap, 2));
    errno = 0;
    ck_assert_ptr_null(memlog_type_new(SIZE_MAX, NULL, 0));
    ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

/* ---- objects ----------------------------------------------------------------------- */

static const size_t sizes[] = { 0, 1, 8, 16, 20, 24, 40, 41, 255, 256, 264, 1000, 8192, 32752,
                                32768, 65528, 65536, 65537, 100000, 1000001 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

START_TEST(they_are_zero_aligned_and_as_long_as_their_type)
{
    static const unsigned long bitmap[] = { 1 };
    for (unsigned i = 0; i < SIZES; i++)
        for (unsigned count = 0; count < 4; count++)
            /* Twice: fresh memory, and memory that was written and freed. */
            for (int round = 0; round < 2; round++) {
                const struct memlog_type *type = memlog_type_new(sizes[i], bitmap, sizes[i] >= 8);
                ck_assert_ptr_nonnull(type);
                char *object = count == 3 ? memlog_malloc_typed(type)
                                          : memlog_calloc_typed(count, type);
                ck_assert_ptr_nonnull(object);
                ck_assert_uint_eq((uintptr_t)object % 16, 0);
                size_t usable = memlog_usable_size(object);
                ck_assert_uint_ge(usable, (sizes[i] + 7) / 8 * 8 * (count == 3 ? 1 : count));
                ck_assert(is_zero(object, usable));
                memset(object, 0xff, usable);
                memlog_free(object);
            }
}
END_TEST

START_TEST(what_can_t_be_had_is_refused)
{
    const struct memlog_type *type = node_type();
    errno = 0;
    ck_assert_ptr_null(memlog_calloc_typed(SIZE_MAX / 2, type));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(memlog_calloc_typed(SIZE_MAX / sizeof(struct node) + 1, type));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(memlog_calloc_typed(PTRDIFF_MAX / sizeof(struct node), type));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(memlog_malloc_typed(memlog_type_new(PTRDIFF_MAX, NULL, 0)));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(memlog_malloc_typed(NULL));
    ck_assert_int_eq(errno, EINVAL);
    errno = 0;
    ck_assert_ptr_null(memlog_calloc_typed(3, NULL));
    ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* ---- what is found ------------------------------------------------------------------ */

enum { NODES = 1000, BY_CHANCE = 10 };
static struct node *list;

static uint64_t live(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_gc();
    ck_assert_int_eq(memlog_read_extra(&extra), 0);
    return extra.live_objects;
}

/* Each refers to three others, and holds the address of a fourth. */
static __attribute__((noinline)) void make_list(const struct memlog_type *type)
{
    for (uint64_t i = 0; i < NODES; i++) {
        struct node *node = memlog_malloc_typed(type);
        node->number = i;
        node->next = list;
        node->other[0] = memlog_malloc_typed(type);
        node->other[1] = memlog_calloc_typed(2, type);
        node->other[1][1].next = memlog_malloc_typed(type);
        node->address = (uint64_t)(uintptr_t)memlog_malloc_typed(type);
        list = node;
    }
}

static __attribute__((noinline)) void check_list(void)
{
    uint64_t left = NODES;
    for (const struct node *node = list; node != NULL; node = node->next)
        ck_assert_uint_eq(node->number, --left);
    ck_assert_uint_eq(left, 0);
}

START_TEST(pointers_keep_alive_and_other_words_don_t)
{
    uint64_t before = live();
    make_list(node_type());
    uint64_t now = live();
    ck_assert_uint_ge(now, before + 4 * NODES);
    ck_assert_uint_le(now, before + 4 * NODES + BY_CHANCE);
    check_list();
    list = NULL;
    ck_assert_uint_le(live(), before + BY_CHANCE);
}
END_TEST

static __attribute__((noinline)) void put_into(struct node *array, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        array[i].next = memlog_malloc_noscan(32);
        array[i].address = (uint64_t)(uintptr_t)memlog_malloc_noscan(32);
    }
}

START_TEST(an_array_that_grows_keeps_its_type)
{
    uint64_t before = live();
    list = memlog_calloc_typed(1, node_type());
    for (size_t count = 1; count <= 20000; count *= 3) {
        list = memlog_realloc(list, count * sizeof(*list));
        ck_assert_ptr_nonnull(list);
        put_into(list, count);
        ck_assert_uint_ge(live(), before + 1 + count);
        ck_assert_uint_le(live(), before + 1 + count + BY_CHANCE);
    }
    list = memlog_realloc(list, 2 * sizeof(*list));
    ck_assert_uint_le(live(), before + 3 + BY_CHANCE);
    list = NULL;
}
END_TEST

/* ---- numbers ------------------------------------------------------------------------ */

static struct memlog_memstats stats_now(void)
{
    struct memlog_memstats stats;
    ck_assert_int_eq(memlog_read_memstats(&stats), 0);
    check_identities(&stats);
    return stats;
}

static const struct memlog_by_size *row_of(const struct memlog_memstats *stats, size_t block)
{
    for (int i = 1; i < MEMLOG_BY_SIZE; i++)
        if (stats->by_size[i].size >= block)
            return &stats->by_size[i];
    return NULL;
}

/* The word of the type is in the block. */
START_TEST(each_is_counted)
{
    static void *objects[NODES];
    static const unsigned long bitmap[] = { 1 };
    memlog_set_gc_percent(-1);
    for (unsigned i = 0; i < SIZES; i++) {
        const struct memlog_type *type = memlog_type_new(sizes[i], bitmap, sizes[i] >= 8);
        unsigned count = sizes[i] > 100000 ? 10 : 100;
        bool is_typed = sizes[i] > 8;
        size_t block = sizes[i] <= 8 ? 1 : (sizes[i] + 7) / 8 * 8 + 8;
        struct memlog_memstats before = stats_now();
        for (unsigned j = 0; j < count; j++)
            objects[j] = memlog_malloc_typed(type);
        struct memlog_memstats after = stats_now();
        ck_assert_uint_eq(after.mallocs, before.mallocs + count);
        const struct memlog_by_size *row = row_of(&after, block);
        size_t bytes = row != NULL ? row->size : (block + 8191) / 8192 * 8192;
        ck_assert(!is_typed || memlog_usable_size(objects[0]) == bytes - 8);
        ck_assert_uint_eq(after.alloc, before.alloc + count * bytes);
        if (row != NULL)
            ck_assert_uint_eq(row->mallocs, row_of(&before, block)->mallocs + count);
        for (unsigned j = 0; j < count; j++)
            memlog_free(objects[j]);
        after = stats_now();
        ck_assert_uint_eq(after.frees, before.frees + count);
        ck_assert_uint_eq(after.alloc, before.alloc);
        check_totals_grow(&before, &after);
    }
}
END_TEST

START_TEST(what_is_swept_is_counted)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    memlog_gc();
    struct memlog_memstats before = stats_now();
    make_list(node_type());
    list = memlog_calloc_typed(100000, node_type());
    list = NULL;
    memlog_gc();
    struct memlog_memstats after = stats_now();
    ck_assert_uint_eq(after.mallocs, before.mallocs + 5 * NODES + 1);
    ck_assert_uint_le(after.heap_objects, before.heap_objects + BY_CHANCE);
    ck_assert_int_eq(memlog_read_extra(&extra), 0);
    check_extra_agrees(&after, &extra);
    check_totals_grow(&before, &after);
}
END_TEST

UNIT_MAIN("api typed", a_bitmap_has_room_for_every_word, a_type_is_made_once,
          a_bit_beyond_the_size_is_refused, they_are_zero_aligned_and_as_long_as_their_type,
          what_can_t_be_had_is_refused, pointers_keep_alive_and_other_words_don_t,
          an_array_that_grows_keeps_its_type, each_is_counted, what_is_swept_is_counted)
