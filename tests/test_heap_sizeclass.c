/* SPDX-License-Identifier: MIT */
/* test_heap_sizeclass.c - every size, every class, every offset: all of them. */
#include "heap/sizeclass.h"

#include <string.h>

#include "unit.h"

START_TEST(classes_rise_by_multiples_of_16_from_16_to_65536)
{
    ml_sizeclass_init();
    ck_assert_uint_eq(ml_sizeclasses[0].bytes, 16);
    ck_assert_uint_eq(ml_sizeclasses[ML_CLASSES - 1].bytes, ML_SMALL_MAX);
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        ck_assert_uint_eq(ml_sizeclasses[class].bytes % 16, 0);
        if (class > 0)
            ck_assert_uint_gt(ml_sizeclasses[class].bytes, ml_sizeclasses[class - 1].bytes);
    }
}
END_TEST

START_TEST(every_size_gets_the_smallest_class_that_holds_it)
{
    ml_sizeclass_init();
    for (size_t bytes = 0; bytes <= ML_SMALL_MAX; bytes++) {
        unsigned class = ml_sizeclass_of(bytes);
        ck_assert_uint_lt(class, ML_CLASSES);
        ck_assert_uint_ge(ml_sizeclasses[class].bytes, bytes);
        if (class > 0)
            ck_assert_uint_lt(ml_sizeclasses[class - 1].bytes, bytes);
    }
}
END_TEST

START_TEST(a_block_is_at_most_a_quarter_larger_than_its_request)
{
    ml_sizeclass_init();
    for (size_t bytes = 1; bytes <= ML_SMALL_MAX; bytes++) {
        size_t idle = ml_sizeclasses[ml_sizeclass_of(bytes)].bytes - bytes;
        if (bytes <= 64)
            ck_assert_uint_lt(idle, 16);
        else
            ck_assert_uint_le(idle * 4, bytes);
    }
}
END_TEST

START_TEST(a_span_holds_as_many_slots_as_fit_and_no_more_than_its_bitmaps)
{
    ml_sizeclass_init();
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        const struct ml_sizeclass *c = &ml_sizeclasses[class];
        ck_assert_uint_ge(c->pages, 1);
        ck_assert_uint_ge(c->slots, 1);
        ck_assert_uint_le(c->slots, ML_SPAN_SLOTS_MAX);
        ck_assert_uint_eq(c->slots, (unsigned)c->pages * ML_PAGE_BYTES / c->bytes);
    }
}
END_TEST

START_TEST(the_tail_no_slot_fits_in_is_under_an_eighth_of_the_span)
{
    ml_sizeclass_init();
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        const struct ml_sizeclass *c = &ml_sizeclasses[class];
        unsigned span = (unsigned)c->pages * ML_PAGE_BYTES;
        ck_assert_uint_lt((span - c->slots * c->bytes) * 8, span);
    }
}
END_TEST

START_TEST(the_reciprocal_names_the_slot_of_every_offset_of_every_span)
{
    ml_sizeclass_init();
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        const struct ml_sizeclass *c = &ml_sizeclasses[class];
        for (uint64_t offset = 0; offset < (uint64_t)c->pages * ML_PAGE_BYTES; offset++)
            if (offset * c->reciprocal >> 32 != offset / c->bytes)
                ck_abort_msg("offset %u of the spans of %u bytes", (unsigned)offset, c->bytes);
    }
}
END_TEST

START_TEST(a_bin_is_a_class_of_a_kind)
{
    bool seen[ML_BINS] = { false };
    for (unsigned class = 0; class < ML_CLASSES; class++)
        for (int kind = 0; kind < ML_KINDS; kind++) {
            unsigned bin = ml_bin_of(class, (enum ml_kind)kind);
            ck_assert_uint_lt(bin, ML_BINS);
            ck_assert(!seen[bin]);
            seen[bin] = true;
            ck_assert_uint_eq(ml_bin_class(bin), class);
            ck_assert_int_eq(ml_bin_kind(bin), kind);
        }
}
END_TEST

START_TEST(making_the_tables_again_changes_nothing)
{
    static struct ml_sizeclass before[ML_CLASSES];
    ml_sizeclass_init();
    memcpy(before, ml_sizeclasses, sizeof(before));
    unsigned of_1024 = ml_sizeclass_of(1024), of_most = ml_sizeclass_of(ML_SMALL_MAX);
    ml_sizeclass_init();
    ck_assert_mem_eq(before, ml_sizeclasses, sizeof(before));
    ck_assert_uint_eq(ml_sizeclass_of(1024), of_1024);
    ck_assert_uint_eq(ml_sizeclass_of(ML_SMALL_MAX), of_most);
}
END_TEST

UNIT_MAIN("heap sizeclass", classes_rise_by_multiples_of_16_from_16_to_65536,
          every_size_gets_the_smallest_class_that_holds_it,
          a_block_is_at_most_a_quarter_larger_than_its_request,
          a_span_holds_as_many_slots_as_fit_and_no_more_than_its_bitmaps,
          the_tail_no_slot_fits_in_is_under_an_eighth_of_the_span,
          the_reciprocal_names_the_slot_of_every_offset_of_every_span,
          a_bin_is_a_class_of_a_kind, making_the_tables_again_changes_nothing)
