/* SPDX-License-Identifier: MIT */
/* test_reading_columns.c - the columns of several runs as one list. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "reading/columns.h"

static struct ml_columns columns;
static struct ml_log_run run;

static const struct ml_log_run *run_of(const char *names)
{
    memset(&run, 0, sizeof(run));
    for (int bytes; sscanf(names, " %63s%n", run.names[run.count], &bytes) == 1; names += bytes)
        run.count++;
    return &run;
}

static const char *all(void)
{
    static char text[4096];
    return ml_columns_names(&columns, text, sizeof(text));
}

static int place_of(const char *name)
{
    int at = ml_columns_find(&columns, name, strlen(name));
    ck_assert_msg(at >= 0, "%s", name);
    return columns.list[at].place;
}

START_TEST(a_list_has_each_column_once_in_the_order_of_the_runs)
{
    ml_columns_add(&columns, run_of("Alloc Sys Mallocs"));
    ml_columns_add(&columns, run_of("Sys odd Alloc RSS odd"));
    ml_columns_add(&columns, run_of("rss pss"));
    ck_assert_str_eq(all(), "Alloc, Sys, Mallocs, odd, RSS, pss");
    ck_assert_str_eq(columns.list[4].field->name, "rss");
    ck_assert_ptr_null(columns.list[3].field);
}
END_TEST

START_TEST(either_spelling_finds_a_field_and_only_its_own_another_column)
{
    ml_columns_add(&columns, run_of("Alloc HeapObjects odd"));
    ck_assert_int_eq(ml_columns_find(&columns, "heap_objects", 12), 1);
    ck_assert_int_eq(ml_columns_find(&columns, "HeapObjects", 11), 1);
    ck_assert_int_eq(ml_columns_find(&columns, "odd", 3), 2);
    ck_assert_int_eq(ml_columns_find(&columns, "Odd", 3), -1);
    ck_assert_int_eq(ml_columns_find(&columns, "odder", 5), -1);
    ck_assert_int_eq(ml_columns_find(&columns, "od", 2), -1);
    ck_assert_int_eq(ml_columns_find(&columns, "Sys", 3), -1);
}
END_TEST

START_TEST(places_are_those_of_the_run_at_hand)
{
    ml_columns_add(&columns, run_of("Alloc Sys Mallocs"));
    ck_assert_int_eq(ml_columns_enter(&columns, run_of("x Sys y Alloc Sys")), 2);
    ck_assert_int_eq(place_of("Alloc"), 3);
    ck_assert_int_eq(place_of("Sys"), 1);
    ck_assert_int_eq(place_of("Mallocs"), -1);
    ck_assert_int_eq(ml_columns_enter(&columns, run_of("Mallocs")), 0);
    ck_assert_int_eq(place_of("Alloc"), -1);
    ck_assert_int_eq(place_of("Mallocs"), 0);
}
END_TEST

START_TEST(a_single_column_has_the_place_that_it_has_with_the_others)
{
    static const char *const runs[] = { "Alloc Sys odd", "odd Sys Alloc odd", "alloc RSS", "rss pss Alloc alloc", "x" };
    ml_columns_add(&columns, run_of("Alloc Sys odd rss od"));
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        ml_columns_enter(&columns, run_of(runs[i]));
        for (unsigned at = 0; at < columns.count; at++)
            ck_assert_int_eq(ml_column_place(&columns.list[at], &run), columns.list[at].place);
    }
}
END_TEST

START_TEST(what_is_chosen_stands_in_the_order_that_was_said)
{
    const char *bad = NULL;
    size_t length;
    ml_columns_add(&columns, run_of("Alloc Sys Mallocs odd"));
    ck_assert(ml_columns_choose(&columns, " odd,mallocs , odd\tAlloc,", &bad, &length));
    ck_assert_str_eq(all(), "odd, Mallocs, Alloc");
    ck_assert(!ml_columns_choose(&columns, "Alloc,Sys,odd", &bad, &length));
    ck_assert_msg(length == 3 && memcmp(bad, "Sys", 3) == 0, "%.*s", (int)length, bad);
    ck_assert_str_eq(all(), "odd, Mallocs, Alloc");
    ck_assert(!ml_columns_choose(&columns, " , ", &bad, &length));
    ck_assert_int_eq(length, 0);
}
END_TEST

START_TEST(more_than_there_is_room_for_are_left_out)
{
    char text[8];
    for (unsigned i = 0; i < ML_COLUMNS_MOST + 50; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%u", i);
        ml_columns_add(&columns, run_of(name));
    }
    ck_assert_int_eq(columns.count, ML_COLUMNS_MOST);
    ck_assert_int_eq(ml_columns_enter(&columns, run_of("n0 n600")), 0 + 1);
    ck_assert_str_eq(ml_columns_names(&columns, text, sizeof(text)), "n0, n1,");
}
END_TEST

UNIT_MAIN("reading columns", a_list_has_each_column_once_in_the_order_of_the_runs,
          either_spelling_finds_a_field_and_only_its_own_another_column, places_are_those_of_the_run_at_hand,
          a_single_column_has_the_place_that_it_has_with_the_others,
          what_is_chosen_stands_in_the_order_that_was_said, more_than_there_is_room_for_are_left_out)
