/* SPDX-License-Identifier: MIT */
/* test_heap_spanmap.c - addresses to granules and spans, growing, the bits of
 * backed pages, and an operating system that refuses. */
#include "heap/spanmap.h"

#include <string.h>

#include "heap_os.h"
#include "heap_unit.h"

enum { MIB = 1 << 20 };

/* A heap of some committed bytes, without the page heap's knowledge. */
static void heap_of(size_t bytes)
{
    ck_assert_int_eq(ml_heap_init(), 0);
    ck_assert_uint_eq(ml_spanmap_grow(bytes, bytes), bytes);
}

static bool is_foreign(uintptr_t address)
{
    return ml_granule_of((void *)address) >= ml_map_granules();
}

START_TEST(before_the_heap_exists_every_address_is_foreign)
{
    int local;
    ck_assert(is_foreign(0));
    ck_assert(is_foreign(16));
    ck_assert(is_foreign((uintptr_t)&local));
    ck_assert(is_foreign(UINTPTR_MAX));
    ck_assert(!ml_in_heap((uintptr_t)&local));
}
END_TEST

START_TEST(an_aligned_address_in_the_heap_begins_its_granule)
{
    heap_of(MIB);
    for (uintptr_t offset = 0; offset < MIB; offset += 16) {
        ck_assert_uint_eq(ml_granule_of((void *)(ml_map.base + offset)), offset / 16);
        ck_assert(!is_foreign(ml_map.base + offset));
    }
}
END_TEST

START_TEST(a_misaligned_address_is_beyond_every_granule)
{
    heap_of(MIB);
    for (uintptr_t offset = 0; offset < MIB; offset++)
        if (offset % 16 != 0)
            ck_assert(is_foreign(ml_map.base + offset));
}
END_TEST

START_TEST(a_foreign_address_is_beyond_every_granule)
{
    int local;
    heap_of(MIB);
    ck_assert(is_foreign(0));
    ck_assert(is_foreign((uintptr_t)&local & ~(uintptr_t)15));
    ck_assert(is_foreign((uintptr_t)&ml_map));
    ck_assert(is_foreign(ml_map.base - 16));
    ck_assert(is_foreign(ml_map.base - 1));
    ck_assert(is_foreign(ml_map.base + MIB));
    ck_assert(is_foreign(ml_map.base + MIB + 1));
    ck_assert(is_foreign(UINTPTR_MAX & ~(uintptr_t)15));
    ck_assert(is_foreign(UINTPTR_MAX));
    ck_assert(ml_in_heap(ml_map.base + MIB - 1));
    ck_assert(!ml_in_heap(ml_map.base + MIB));
    ck_assert(!ml_in_heap(ml_map.base - 1));
}
END_TEST

START_TEST(growing_makes_heap_and_tables_usable)
{
    ck_assert_int_eq(ml_heap_init(), 0);
    size_t bytes = 0;
    for (size_t step = ML_PAGE_BYTES; step < 16 * MIB; step *= 3) {
        step = ml_align_up(step, ML_PAGE_BYTES);
        ck_assert_uint_eq(ml_spanmap_grow(ML_PAGE_BYTES, step), step);
        bytes += step;
        ck_assert_uint_eq(ml_heap_bytes(), bytes);
        size_t page = (bytes >> ML_PAGE_SHIFT) - 1;
        ck_assert_uint_eq(((char *)ml_map.base)[bytes - 1], 0);
        ((char *)ml_map.base)[bytes - 1] = 1;
        ml_state_set((bytes >> ML_GRANULE_SHIFT) - 1, 1);
        ml_map.page_bin[page] = 1;
        ck_assert_uint_eq(ml_map.page_span[page], 0);
        ml_backed_set(ml_map.base + bytes - ML_PAGE_BYTES, 1, true);
        ck_assert_ptr_eq(ml_span_over(ml_map.base + bytes - 1), ml_span_at(0));
    }
    ck_assert_uint_ge(ml_spanmap_table_bytes(), bytes / 16);
    ck_assert_uint_le(ml_spanmap_table_bytes(), bytes / 16 + bytes / 512 + 4 * 16384);
}
END_TEST

START_TEST(where_address_space_is_short_the_heap_is_smaller_and_ends)
{
    os_reserve_most = 64 * MIB;
    ck_assert_int_eq(ml_heap_init(), 0);
    size_t all = ml_map.reserved_bytes;
    ck_assert_uint_ge(all, 16 * MIB);
    ck_assert_uint_lt(all, 64 * MIB);
    size_t most = all - MIB;
    ck_assert_uint_eq(ml_spanmap_grow(most, most), most);
    ck_assert_uint_eq(ml_spanmap_grow(2 * MIB, 2 * MIB), 0);  /* more than is left */
    ck_assert_uint_eq(ml_spanmap_grow(ML_PAGE_BYTES, 4 * MIB), MIB); /* less than wanted */
    ck_assert_uint_eq(ml_spanmap_grow(ML_PAGE_BYTES, ML_PAGE_BYTES), 0);
    memset((void *)(ml_map.base + all - MIB), 1, MIB);
    ck_assert(!ml_in_heap(ml_map.base + all));
    /* Every page could be a span of its own. */
    ck_assert_int_eq(ml_spanmap_need_spans((uint32_t)(all >> ML_PAGE_SHIFT) + 2), 0);
}
END_TEST

START_TEST(without_address_space_there_is_no_heap_until_there_is_some)
{
    os_reserve_most = 0;
    ck_assert_int_eq(ml_heap_init(), -ENOMEM);
    ck_assert_uint_eq(ml_map.base, 0);
    os_reserve_most = SIZE_MAX;
    ck_assert_int_eq(ml_heap_init(), 0);
    heap_of(MIB);
}
END_TEST

START_TEST(a_heap_without_its_first_descriptors_is_none)
{
    os_commits_granted = 0;
    ck_assert_int_eq(ml_heap_init(), -ENOMEM);
    ck_assert_uint_eq(ml_map.base, 0);
    ck_assert_int_eq(ml_heap_init(), -ENOMEM);
    os_commits_granted = UINT64_MAX;
    heap_of(MIB);
    ck_assert_uint_eq(ml_span_at(0)->pages, 0);
}
END_TEST

START_TEST(whichever_commit_fails_the_heap_stays_as_it_was_and_grows_later)
{
    const size_t STEP = (size_t)4 << 30; /* every table needs more, in huge pages too */
    heap_of(MIB);
    size_t bytes = MIB;
    for (unsigned granted = 0; granted < 5; granted++) {
        uint64_t tables = ml_spanmap_table_bytes();
        os_commits_granted = granted;
        ck_assert_uint_eq(ml_spanmap_grow(STEP, STEP), 0);
        ck_assert_uint_eq(os_commits_granted, 0);
        ck_assert_uint_eq(ml_heap_bytes(), bytes);
        ck_assert_uint_ge(ml_spanmap_table_bytes(), tables);
        os_commits_granted = UINT64_MAX;
        ck_assert_uint_eq(ml_spanmap_grow(STEP, STEP), STEP);
        bytes += STEP;
        ((char *)ml_map.base)[bytes - 1] = 1;
        ml_state_set((bytes >> ML_GRANULE_SHIFT) - 1, 1);
    }
}
END_TEST

static uint64_t refuse_seven(void) { return os_commits % 8 != 0; }

START_TEST(less_than_wanted_is_taken_where_the_system_gives_less)
{
    heap_of(MIB);
    os_refuses = refuse_seven;
    size_t got = ml_spanmap_grow(ML_PAGE_BYTES, 16 * MIB);
    os_refuses = NULL;
    ck_assert_uint_lt(got, 16 * MIB);
    ck_assert_uint_eq(got % ML_PAGE_BYTES, 0);
    ck_assert_uint_eq(ml_heap_bytes(), MIB + got);
}
END_TEST

START_TEST(pages_point_at_their_span_and_know_its_bin)
{
    heap_of(MIB);
    struct ml_span *span = ml_span_at(1);
    *span = (struct ml_span){ .base = ml_map.base + 5 * ML_PAGE_BYTES, .pages = 4,
                              .use = ML_SPAN_SMALL, .bin = 77 };
    ml_spanmap_set_pages(span, 0);
    for (unsigned page = 4; page <= 9; page++) {
        bool mine = page >= 5 && page < 9;
        uintptr_t address = ml_map.base + page * ML_PAGE_BYTES + 100;
        ck_assert_ptr_eq(ml_span_over(address), ml_span_at(mine));
        ck_assert_uint_eq(ml_map.page_bin[page], mine ? 77 : ML_BIN_NONE);
    }
    ml_spanmap_clear_pages(span);
    ck_assert_uint_eq(ml_map.page_bin[5], ML_BIN_NONE);
    ck_assert_uint_eq(ml_map.page_bin[8], ML_BIN_NONE);
    struct ml_span *large = ml_span_at(2);
    ck_assert_int_eq(ml_spanmap_need_spans(4), 0);
    *large = (struct ml_span){ .base = ml_map.base + 20 * ML_PAGE_BYTES, .pages = 6,
                               .use = ML_SPAN_LARGE };
    ml_spanmap_set_pages(large, 4); /* the last two */
    ck_assert_uint_eq(ml_map.page_span[23], 0);
    ck_assert_uint_eq(ml_map.page_span[24], 2);
    ck_assert_uint_eq(ml_map.page_span[25], 2);
    ck_assert_uint_eq(ml_map.page_span[26], 0);
    ck_assert_uint_eq(ml_map.page_bin[23], ML_BIN_NONE);
    ck_assert_uint_eq(ml_map.page_bin[24], ML_BIN_LARGE);
    ck_assert_uint_eq(ml_map.page_bin[25], ML_BIN_LARGE);
    struct ml_span *run = ml_span_at(3);
    *run = (struct ml_span){ .base = ml_map.base + 30 * ML_PAGE_BYTES, .pages = 3 };
    ml_spanmap_set_ends(run);
    ck_assert_uint_eq(ml_map.page_span[30], 3);
    ck_assert_uint_eq(ml_map.page_span[31], 0);
    ck_assert_uint_eq(ml_map.page_span[32], 3);
}
END_TEST

START_TEST(backed_bits_hold_over_the_borders_of_words)
{
    enum { PAGES = 512 };
    static bool model[PAGES];
    uint64_t seed = 99;
    heap_of(PAGES * ML_PAGE_BYTES);
    for (int step = 0; step < 20000; step++) {
        uint32_t from = (uint32_t)random_below(&seed, PAGES);
        uint32_t pages = (uint32_t)random_below(&seed, PAGES - from + 1);
        if (step % 3 == 0 && pages > 3)
            pages = ml_align_down(pages + from, 64) > from
                        ? (uint32_t)ml_align_down(pages + from, 64) - from : 3;
        uintptr_t base = ml_map.base + (uintptr_t)from * ML_PAGE_BYTES;
        uint32_t count = 0;
        for (uint32_t i = 0; i < pages; i++)
            count += model[from + i];
        ck_assert_uint_eq(ml_backed_count(base, pages), count);
        bool backed = random_below(&seed, 2);
        ml_backed_set(base, pages, backed);
        for (uint32_t i = 0; i < pages; i++)
            model[from + i] = backed;
    }
    uint32_t count = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        count += model[i];
        ck_assert_uint_eq(ml_map.backed[i / 64] >> (i % 64) & 1, model[i]);
    }
    ck_assert_uint_eq(ml_backed_count(ml_map.base, PAGES), count);
}
END_TEST

UNIT_MAIN("heap spanmap", before_the_heap_exists_every_address_is_foreign,
          an_aligned_address_in_the_heap_begins_its_granule,
          a_misaligned_address_is_beyond_every_granule,
          a_foreign_address_is_beyond_every_granule, growing_makes_heap_and_tables_usable,
          where_address_space_is_short_the_heap_is_smaller_and_ends,
          without_address_space_there_is_no_heap_until_there_is_some,
          a_heap_without_its_first_descriptors_is_none,
          whichever_commit_fails_the_heap_stays_as_it_was_and_grows_later,
          less_than_wanted_is_taken_where_the_system_gives_less,
          pages_point_at_their_span_and_know_its_bin, backed_bits_hold_over_the_borders_of_words)
