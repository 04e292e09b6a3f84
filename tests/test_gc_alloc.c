/* SPDX-License-Identifier: MIT */
/* test_gc_alloc.c - the collecting door: zero where it is promised, whatever lay
 * there before; every alignment; realloc keeps what it should; and what happens without memory. */
#include "gc/alloc.h"
#include "gc/collect.h"
#include "gc/type.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gc_objects.h"
#include "heap/large.h"
#include "os/process.h"
#include "unit.h"

static bool is_zero(const void *object, size_t bytes)
{
    const unsigned char *byte = object;
    return bytes == 0 || (byte[0] == 0 && memcmp(byte, byte + 1, bytes - 1) == 0);
}

/* The sizes around every class, and some large ones. */
static unsigned all_sizes(size_t *sizes)
{
    static const size_t large[] = { 32767, 32769, 40000, 65535, 65536, 100000, 1000000 };
    unsigned count = 0;
    memlog_keep_alive(memlog_malloc(1)); /* the classes are known from then on */
    for (unsigned class = 0; class < ML_CLASSES; class++)
        for (int by = -1; by <= 1; by++)
            sizes[count++] = ml_sizeclasses[class].bytes + (size_t)by;
    for (unsigned i = 0; i < sizeof(large) / sizeof(large[0]); i++)
        sizes[count++] = large[i];
    return count;
}

enum { SIZES_MOST = ML_CLASSES * 3 + 10, ROUNDS = 4, EACH = 20 };

/* ---- zero -------------------------------------------------------------------------- */

static void soil(void *object, size_t bytes) { memset(object, 0xa5, bytes); }

static void *scanned(size_t bytes) { return ml_gc_alloc(bytes, ML_SCAN); }
static void *uncollectable(size_t bytes) { return ml_gc_alloc(bytes, ML_UNCOLLECTABLE); }
static void *noscan(size_t bytes) { return ml_gc_alloc(bytes, ML_NOSCAN); }

static void reuse_after_free(size_t bytes, void *zeroed(size_t))
{
    void *objects[EACH];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++) {
            objects[i] = zeroed(bytes);
            size_t usable = memlog_usable_size(objects[i]);
            ck_assert_uint_ge(usable, bytes);
            ck_assert_msg(is_zero(objects[i], usable), "%zu bytes", bytes);
            /* The byte past the end too: it is scanned. */
            soil(objects[i], ml_heap_block_bytes(objects[i]));
        }
        for (int i = 0; i < EACH; i++)
            memlog_free(objects[i]);
    }
}

START_TEST(what_is_promised_to_be_zero_is_so_after_dirty_memory)
{
    size_t sizes[SIZES_MOST];
    unsigned count = all_sizes(sizes);
    for (unsigned i = 0; i < count; i++) {
        reuse_after_free(sizes[i], scanned);
        reuse_after_free(sizes[i], uncollectable);
        reuse_after_free(sizes[i], ml_gc_alloc_noscan_zeroed);
    }
    assert_whole();
}
END_TEST

static __attribute__((noinline)) void allocate_dirty(size_t bytes, void *zeroed(size_t))
{
    for (int i = 0; i < EACH; i++) {
        void *object = zeroed(bytes);
        size_t usable = memlog_usable_size(object);
        ck_assert_msg(is_zero(object, usable), "%zu bytes", bytes);
        soil(object, usable);
    }
}

START_TEST(what_is_promised_to_be_zero_is_so_after_a_collection)
{
    size_t sizes[SIZES_MOST];
    unsigned count = all_sizes(sizes);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < count; i++) {
            allocate_dirty(sizes[i], scanned);
            allocate_dirty(sizes[i], ml_gc_alloc_noscan_zeroed);
        }
        collect();
    }
    assert_whole();
}
END_TEST

/* What nobody promised is not paid for: the object that has just been freed
 * comes back as it was. */
START_TEST(noscan_objects_are_left_as_they_are)
{
    size_t sizes[SIZES_MOST];
    unsigned count = all_sizes(sizes);
    for (unsigned i = 0; i < count; i++) {
        unsigned char *object = noscan(sizes[i]);
        size_t usable = memlog_usable_size(object);
        soil(object, usable);
        memlog_free(object);
        ck_assert_ptr_eq(noscan(sizes[i]), object);
        for (size_t k = 0; k < usable; k++)
            ck_assert_uint_eq(object[k], 0xa5);
    }
}
END_TEST

START_TEST(blocks_are_aligned_and_hold_what_was_asked)
{
    size_t sizes[SIZES_MOST];
    unsigned count = all_sizes(sizes);
    for (int pad = 0; pad < 2; pad++) {
        ml_gc_pad_above = pad ? 0 : ML_GC_PAD_ABOVE;
        for (unsigned i = 0; i < count; i++) {
            void *object = memlog_malloc(sizes[i]);
            ck_assert_uint_eq((uintptr_t)object % 16, 0);
            ck_assert_uint_ge(memlog_usable_size(object), sizes[i]);
            /* One past the end of what can be used lies inside, where it should. */
            size_t block = ml_heap_block_bytes(object);
            ck_assert_uint_eq(memlog_usable_size(object), block - (block > 256 || pad));
            /* And nothing is padded that need not be. */
            size_t needed = sizes[i] + (sizes[i] > 256 || pad);
            if (needed <= ML_SMALL_MAX)
                ck_assert_uint_eq(block, ml_sizeclasses[ml_sizeclass_of(needed)].bytes);
        }
    }
    ck_assert_ptr_ne(memlog_malloc(0), memlog_malloc(0));
}
END_TEST

/* ---- alignment ------------------------------------------------------------------------ */

START_TEST(every_alignment_and_size)
{
    static const size_t sizes[] = { 0, 1, 15, 16, 17, 100, 255, 256, 257, 1000, 4096, 8191,
                                    8192, 30000, 65536, 80000, 100000, 1 << 20 };
    for (size_t alignment = 1; alignment <= 1 << 20; alignment *= 2)
        for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            void *object = memlog_aligned_alloc(alignment, sizes[i]);
            char *bytes = memlog_aligned_alloc_noscan(alignment, sizes[i]);
            ck_assert_ptr_nonnull(object);
            ck_assert_uint_eq((uintptr_t)object % alignment, 0);
            ck_assert_uint_eq((uintptr_t)bytes % alignment, 0);
            size_t usable = memlog_usable_size(object);
            ck_assert_uint_ge(usable, sizes[i]);
            ck_assert(is_zero(object, usable));
            soil(object, usable);
            soil(bytes, sizes[i]);
            ck_assert_int_eq(ml_heap_kind(object), ML_SCAN);
            ck_assert_int_eq(ml_heap_kind(bytes), ML_NOSCAN);
            memlog_free(object);
        }
    assert_whole();
}
END_TEST

START_TEST(bad_alignments_are_refused)
{
    static const size_t bad[] = { 0, 3, 24, 4097, (size_t)1 << 31 };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        ck_assert_ptr_null(memlog_aligned_alloc(bad[i], 100));
        ck_assert_int_eq(errno, EINVAL);
    }
}
END_TEST

/* ---- realloc ----------------------------------------------------------------------------- */

static void number(unsigned char *bytes, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        bytes[i] = (unsigned char)(i * 31 + 7);
}

static bool is_numbered(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != (unsigned char)(i * 31 + 7))
            return false;
    return true;
}

static const struct memlog_type *every_other_word(void)
{
    static const uint64_t bitmap[] = { 1 };
    const struct memlog_type *type = ml_type_new(16, bitmap, 1);
    ck_assert_ptr_nonnull(type);
    return type;
}

static void resize_through(enum ml_kind kind, const size_t *sizes, unsigned count)
{
    size_t have = 100;
    unsigned char *object =
        kind == ML_TYPED ? ml_gc_alloc_typed(have, every_other_word()) : ml_gc_alloc(have, kind);
    number(object, 0, have);
    for (unsigned i = 0; i < count; i++) {
        object = memlog_realloc(object, sizes[i]);
        ck_assert_ptr_nonnull(object);
        ck_assert_int_eq(ml_heap_kind(object), kind);
        if (kind == ML_TYPED)
            ck_assert_ptr_eq(ml_type_of((uintptr_t)object, ml_heap_block_bytes(object)),
                             every_other_word());
        size_t kept = have < sizes[i] ? have : sizes[i];
        ck_assert(is_numbered(object, kept));
        ck_assert(kind == ML_NOSCAN ||
                  is_zero(object + kept, memlog_usable_size(object) - kept));
        have = sizes[i];
        number(object, 0, have);
    }
    memlog_free(object);
}

START_TEST(realloc_keeps_kind_and_contents_and_zeroes_the_rest_of_what_is_scanned)
{
    static const size_t sizes[] = { 101, 128, 90, 60, 300, 256, 257, 5000, 4000, 1000, 32768, 16384,
                                    40000, 39000, 33000, 100000, 60000, 500000, 70000, 20, 1, 1000000, 16 };
    unsigned count = sizeof(sizes) / sizeof(sizes[0]);
    for (int kind = 0; kind < ML_KINDS; kind++) {
        resize_through((enum ml_kind)kind, sizes, count);
        ml_gc_pad_above = 0;
        resize_through((enum ml_kind)kind, sizes, count);
        ml_gc_pad_above = ML_GC_PAD_ABOVE;
    }
    assert_whole();
}
END_TEST

START_TEST(realloc_stays_in_place_where_it_can)
{
    void *small = memlog_malloc(100), *shrunk = memlog_realloc(small, 70);
    ck_assert_ptr_eq(small, shrunk);
    ck_assert_ptr_eq(memlog_realloc(small, 111), small);
    char *large = memlog_malloc(1000000);
    memset(large, 1, 1000000);
    ck_assert_ptr_eq(memlog_realloc(large, 500000), large); /* leaves room behind */
    ck_assert_ptr_eq(memlog_realloc(large, 900000), large);
    ck_assert(is_zero(large + 500000, 400000));
    ck_assert_ptr_ne(memlog_realloc(large, 100), large);
    assert_whole();
}
END_TEST

START_TEST(realloc_of_null_and_to_nothing)
{
    void *object = memlog_realloc(NULL, 100);
    hidden_t hidden = hide(object);
    ck_assert_int_eq(ml_heap_kind(object), ML_SCAN);
    ck_assert_ptr_null(memlog_realloc(object, 0));
    ck_assert(!is_alive(hidden));
}
END_TEST

/* A part that was cut off keeps nothing alive and comes back as zero. */
START_TEST(what_is_cut_off_is_forgotten)
{
    hidden_t inner[OBJECTS];
    void **array = memlog_malloc(OBJECTS * 8 + 64);
    make_garbage(inner, OBJECTS, 48, ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i++)
        array[8 + i] = reveal(inner[i]);
    array = memlog_realloc(array, (OBJECTS * 8 + 64) * 3 / 4);
    collect();
    unsigned kept = OBJECTS * 3 / 4 - 2;
    ck_assert_uint_eq(count_alive(inner, kept), kept);
    ck_assert_uint_le(count_alive(inner + kept, OBJECTS - kept), SPARED);
    memlog_keep_alive(array);
}
END_TEST

/* ---- no memory ------------------------------------------------------------------------------ */

static void refused(void *pointer)
{
    ck_assert_ptr_null(pointer);
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
}

static size_t volatile too_much = (size_t)PTRDIFF_MAX + 1, half = (size_t)1 << 63, two = 2;

START_TEST(sizes_that_nobody_has_are_refused)
{
    void *object = memlog_malloc(100);
    errno = 0;
    refused(memlog_malloc(too_much));
    refused(memlog_malloc(too_much + (too_much - 1)));
    refused(memlog_malloc(too_much - 1));
    refused(memlog_malloc_noscan(too_much));
    refused(memlog_malloc_uncollectable(too_much));
    refused(memlog_calloc(half, two));
    refused(memlog_calloc_noscan(half + 1, two));
    refused(memlog_calloc(too_much, 1));
    refused(memlog_aligned_alloc(4096, too_much));
    refused(memlog_aligned_alloc(4096, too_much - 1));
    refused(memlog_realloc(object, too_much));
    ck_assert(ml_heap_is_object(object));
    ck_assert_uint_eq(memlog_usable_size(memlog_calloc(3, 5)), 16);
    assert_whole();
}
END_TEST

static size_t data_bytes(void)
{
    char text[128] = "";
    unsigned long pages = 0;
    ck_assert_int_gt(ml_os_read_file("/proc/self/statm", text, sizeof(text)), 0);
    ck_assert_int_eq(sscanf(text, "%*u %*u %*u %*u %*u %lu", &pages), 1);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* The heap's addresses are reserved already: it is commits that run into this. */
static void limit_data(size_t more)
{
    struct rlimit limit;
    getrlimit(RLIMIT_DATA, &limit);
    limit.rlim_cur = data_bytes() + more;
    ck_assert_int_eq(setrlimit(RLIMIT_DATA, &limit), 0);
}

static void limit_addresses(size_t more)
{
    struct rlimit limit;
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = ml_os_mapped_bytes() + more;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

static uint32_t collections(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats.num_gc;
}

struct link {
    struct link *next;
    char room[1000];
};

/* Until there is no more; how many. */
static __attribute__((noinline)) unsigned take_all(struct link *volatile *list, size_t bytes)
{
    unsigned count = 0;
    for (struct link *link; (link = memlog_malloc(bytes)) != NULL; count++) {
        link->next = *list;
        *list = link;
    }
    return count;
}

static struct link *volatile everything;

static void run_out(size_t bytes)
{
    everything = NULL;
    ml_gc_stops = true; /* a cycle of the background's gives its own memory back in between */
    collect();
    unsigned first = take_all(&everything, bytes);
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_gt(first, 0);
    assert_whole();
    uint32_t before = collections();
    errno = 0;
    ck_assert_ptr_null(memlog_malloc(bytes));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_gt(collections(), before); /* it was tried */
    everything = NULL;
    clear_stack();
    /* No call of memlog_gc: the garbage is found when it is needed. */
    ck_assert_uint_ge(take_all(&everything, bytes), first - first / 10 - 2);
    everything = NULL;
    clear_stack();
    memlog_gc();
    assert_whole();
}

START_TEST(without_memory_null_after_a_collection_and_the_heap_is_whole)
{
    memlog_set_gc_percent(-1);
    limit_addresses((size_t)1 << 20); /* nor for anything beside the heap */
    limit_data((size_t)64 << 20);
    run_out(sizeof(struct link));
    run_out(100000);
    run_out(sizeof(struct link));
}
END_TEST

UNIT_MAIN("gc alloc", what_is_promised_to_be_zero_is_so_after_dirty_memory,
          what_is_promised_to_be_zero_is_so_after_a_collection,
          noscan_objects_are_left_as_they_are,
          blocks_are_aligned_and_hold_what_was_asked, every_alignment_and_size,
          bad_alignments_are_refused,
          realloc_keeps_kind_and_contents_and_zeroes_the_rest_of_what_is_scanned,
          realloc_stays_in_place_where_it_can, realloc_of_null_and_to_nothing,
          what_is_cut_off_is_forgotten, sizes_that_nobody_has_are_refused,
          without_memory_null_after_a_collection_and_the_heap_is_whole)
