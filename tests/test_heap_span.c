/* SPDX-License-Identifier: MIT */
/* test_heap_span.c - lists against a model, slots taken bit by bit, and the
 * rules a span keeps. */
#include "heap/span.h"

#include <string.h>

#include "heap_unit.h"

enum { SPANS = 40 };

/* Descriptors to play with; no pages behind them. */
static void prepare(void)
{
    ck_assert_int_eq(ml_heap_init(), 0);
    ck_assert_int_eq(ml_spanmap_need_spans(SPANS + 1), 0);
}

/* A span of a bin, without memory. */
static struct ml_span *made(uint32_t number, unsigned bin)
{
    struct ml_span *span = ml_span_at(number);
    memset(span, 0, sizeof(*span));
    span->base = ml_map.base;
    span->use = ML_SPAN_SMALL;
    span->pages = ml_sizeclasses[ml_bin_class(bin)].pages;
    ml_span_make_small(span, bin);
    return span;
}

static void assert_list(const struct ml_span_list *list, const uint32_t *numbers, uint32_t count,
                        enum ml_span_place place)
{
    uint32_t last = 0, at = 0;
    for (uint32_t number = list->first; number != 0; number = ml_span_at(number)->next) {
        ck_assert_uint_lt(at, count);
        ck_assert_uint_eq(number, numbers[at++]);
        ck_assert_uint_eq(ml_span_at(number)->prev, last);
        ck_assert_int_eq(ml_span_at(number)->place, place);
        last = number;
    }
    ck_assert_uint_eq(at, count);
    ck_assert_uint_eq(list->count, count);
    ck_assert_uint_eq(list->last, last);
}

START_TEST(a_list_keeps_order_whatever_is_hung_and_taken_off)
{
    uint64_t seed = 42;
    struct ml_span_list list = { 0 };
    uint32_t model[SPANS], count = 0;
    bool in[SPANS + 1] = { false };
    prepare();
    for (int step = 0; step < 20000; step++) {
        uint32_t number = 1 + (uint32_t)random_below(&seed, SPANS);
        struct ml_span *span = ml_span_at(number);
        if (in[number]) {
            uint32_t at = 0;
            while (model[at] != number)
                at++;
            memmove(model + at, model + at + 1, (count - at - 1) * sizeof(*model));
            count--;
            ml_span_list_remove(&list, span);
            ck_assert_int_eq(span->place, ML_PLACE_NONE);
        } else if (random_below(&seed, 2)) {
            model[count++] = number;
            ml_span_list_append(&list, span, ML_PLACE_FULL);
        } else {
            memmove(model + 1, model, count++ * sizeof(*model));
            model[0] = number;
            ml_span_list_prepend(&list, span, ML_PLACE_FULL);
        }
        in[number] = !in[number];
        assert_list(&list, model, count, ML_PLACE_FULL);
    }
}
END_TEST

START_TEST(a_whole_list_moves_behind_another)
{
    prepare();
    for (uint32_t behind = 0; behind < 3; behind++)
        for (uint32_t moving = 0; moving < 3; moving++) {
            struct ml_span_list to = { 0 }, from = { 0 };
            uint32_t numbers[6], count = 0;
            for (uint32_t i = 0; i < behind; i++) {
                numbers[count] = 1 + i;
                ml_span_list_append(&to, ml_span_at(numbers[count++]), ML_PLACE_FULL);
            }
            for (uint32_t i = 0; i < moving; i++) {
                numbers[count] = 10 + i;
                ml_span_list_append(&from, ml_span_at(numbers[count++]), ML_PLACE_FULL);
            }
            ml_span_list_move_all(&to, &from);
            assert_list(&to, numbers, count, ML_PLACE_FULL);
            assert_list(&from, NULL, 0, ML_PLACE_NONE);
        }
}
END_TEST

START_TEST(slots_are_taken_from_the_lowest_and_pop_in_rising_order)
{
    void *into[8];
    prepare();
    struct ml_span *span = made(1, ml_bin_of(0, ML_SCAN));
    ck_assert_uint_eq(ml_span_take(span, into, 8), 8);
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_ptr_eq(into[7 - i], (void *)ml_span_slot_address(span, i));
        ck_assert(ml_span_is_taken(span, i));
    }
    ck_assert(!ml_span_is_taken(span, 8));
    span->bits[0].taken &= ~(uint64_t)0x24; /* slots 2 and 5 come back */
    span->free_slots += 2;
    ck_assert_uint_eq(ml_span_take(span, into, 3), 3);
    ck_assert_ptr_eq(into[2], (void *)ml_span_slot_address(span, 2));
    ck_assert_ptr_eq(into[1], (void *)ml_span_slot_address(span, 5));
    ck_assert_ptr_eq(into[0], (void *)ml_span_slot_address(span, 8));
    ck_assert_ptr_null(ml_span_check(span, false));
}
END_TEST

START_TEST(every_slot_of_every_class_is_taken_once_and_not_one_more)
{
    static void *into[ML_SPAN_SLOTS_MAX + 10];
    prepare();
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        struct ml_span *span = made(1, ml_bin_of(class, ML_NOSCAN));
        unsigned want = span->slots + 10u, got = 0;
        uint64_t seed = 7;
        while (got < span->slots) {
            unsigned batch = 1 + (unsigned)random_below(&seed, 70);
            unsigned taken = ml_span_take(span, into, batch);
            ck_assert_uint_eq(taken, ml_min(batch, span->slots - got));
            for (unsigned i = 0; i < taken; i++) /* at the array's end */
                ck_assert_ptr_eq(into[batch - 1 - i], (void *)ml_span_slot_address(span, got + i));
            got += taken;
            ck_assert_uint_eq(span->free_slots, span->slots - got);
            ck_assert_ptr_null(ml_span_check(span, false));
        }
        ck_assert_uint_eq(ml_span_take(span, into, want), 0);
    }
}
END_TEST

START_TEST(every_address_of_a_span_lies_in_its_slot_or_in_the_tail)
{
    prepare();
    for (unsigned class = 0; class < ML_CLASSES; class += 5) {
        struct ml_span *span = made(1, ml_bin_of(class, ML_SCAN));
        for (uintptr_t offset = 0; offset < ml_span_bytes(span); offset += 8) {
            unsigned slot = ml_span_slot_of(span, span->base + offset);
            ck_assert_uint_eq(slot, offset / span->slot_bytes);
            ck_assert(slot >= span->slots ||
                      ml_span_slot_address(span, slot) <= span->base + offset);
        }
    }
}
END_TEST

START_TEST(a_small_object_has_a_slots_bytes_and_a_large_one_its_pages)
{
    prepare();
    struct ml_span *span = made(1, ml_bin_of(3, ML_SCAN));
    ck_assert_uint_eq(ml_span_object_bytes(span), 64);
    span->use = ML_SPAN_LARGE;
    span->pages = 5;
    ck_assert_uint_eq(ml_span_object_bytes(span), 5 * ML_PAGE_BYTES);
}
END_TEST

START_TEST(cutting_a_used_span_anew_forgets_its_bits)
{
    void *into[64];
    prepare();
    struct ml_span *span = made(1, ml_bin_of(0, ML_SCAN));
    ml_span_take(span, into, 64);
    span->bits[0].mark[0] = 5;
    ml_span_make_small(span, ml_bin_of(10, ML_UNCOLLECTABLE));
    ck_assert_ptr_null(ml_span_check(span, false));
    ck_assert_uint_eq(span->free_slots, span->slots);
    ck_assert_uint_eq(span->kind, ML_UNCOLLECTABLE);
    ck_assert(!ml_span_is_taken(span, 0));
    ck_assert(!ml_span_is_marked(span, 0));
}
END_TEST

START_TEST(a_broken_span_names_the_rule)
{
    void *into[4];
    prepare();
    struct ml_span *span = made(1, ml_bin_of(ML_CLASSES - 1, ML_SCAN));
    ck_assert_uint_eq(ml_span_take(span, into, 1), 1);
    ck_assert_ptr_null(ml_span_check(span, false));
    struct ml_span good = *span;

    span->free_slots++;
    ck_assert_str_eq(ml_span_check(span, false), "free_slots + taken == slots");
    *span = good;
    span->bits[0].taken = 0;
    ck_assert_str_eq(ml_span_check(span, false), "free_slots + taken == slots");
    *span = good;
    span->bits[0].taken |= (uint64_t)1 << span->slots;
    ck_assert_str_eq(ml_span_check(span, false), "taken bits stand for slots");
    *span = good;
    span->bits[0].mark[0] = ~good.bits[0].taken;
    ck_assert_str_eq(ml_span_check(span, false), "marked slots are taken");
    *span = good;
    span->use = ML_SPAN_FREE;
    ck_assert_str_eq(ml_span_check(span, false), "span is in use");
}
END_TEST

UNIT_MAIN("heap span", a_list_keeps_order_whatever_is_hung_and_taken_off,
          a_whole_list_moves_behind_another, slots_are_taken_from_the_lowest_and_pop_in_rising_order,
          every_slot_of_every_class_is_taken_once_and_not_one_more,
          every_address_of_a_span_lies_in_its_slot_or_in_the_tail,
          a_small_object_has_a_slots_bytes_and_a_large_one_its_pages,
          cutting_a_used_span_anew_forgets_its_bits, a_broken_span_names_the_rule)
