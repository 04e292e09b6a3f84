/* SPDX-License-Identifier: MIT */
/* test_cli_exportnames.c - every column has a name as a metric, none that of another. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "cli/exportnames.h"

static struct ml_column column_of(const char *name)
{
    struct ml_column column = { .field = ml_field_find(name, strlen(name)) };
    snprintf(column.name, sizeof(column.name), "%s", name);
    return column;
}

static bool ends_in(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

START_TEST(what_metrics_have_is_called_as_there)
{
    char text[ML_METRIC_BYTES];
    struct ml_column column = column_of("Alloc");
    ck_assert_str_eq(ml_export_metric(&column, text), "memlog_heap_alloc_bytes");
    column = column_of("rss");
    ck_assert_str_eq(ml_export_metric(&column, text), "process_resident_memory_bytes");
}
END_TEST

START_TEST(names_are_different_but_for_the_same_number)
{
    char text[ML_METRIC_BYTES], other[ML_METRIC_BYTES];
    for (size_t i = 0; i < ml_fields_count; i++) {
        struct ml_column column = column_of(ml_fields[i].name);
        if (!ml_field_is_one_number(&ml_fields[i]))
            continue;
        ml_export_metric(&column, text);
        for (size_t j = 0; j < i; j++) {
            struct ml_column before = column_of(ml_fields[j].name);
            bool is_same = strcmp(ml_export_metric(&before, other), text) == 0;
            bool is_alloc = strcmp(column.name, "heap_alloc") == 0 && strcmp(before.name, "alloc") == 0;
            ck_assert_msg(is_same == is_alloc, "%s and %s: %s", column.name, before.name, text);
        }
    }
}
END_TEST

START_TEST(names_say_their_units_and_kinds)
{
    char text[ML_METRIC_BYTES];
    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        struct ml_column column = column_of(field->name);
        if (!ml_field_is_one_number(field))
            continue;
        ml_export_metric(&column, text);
        ck_assert_msg(ends_in(text, "_total") == (field->kind == ML_TOTAL), "%s", text);
        bool is_in_seconds = field->unit == ML_UNIT_NANOSECONDS || field->unit == ML_UNIT_UNIX_NANOSECONDS;
        ck_assert_msg((strstr(text, "_seconds") != NULL) == is_in_seconds, "%s", text);
        ck_assert_msg((strstr(text, "_bytes") != NULL) == (field->unit == ML_UNIT_BYTES), "%s", text);
        ck_assert_msg(strspn(text, "abcdefghijklmnopqrstuvwxyz_") == strlen(text), "%s", text);
        ck_assert_str_eq(ml_export_help(&column), field->help);
    }
}
END_TEST

START_TEST(what_no_memlog_wrote_has_a_name_that_can_be_one)
{
    char text[ML_METRIC_BYTES];
    struct ml_column column = column_of("p99{a=\"b\"}-\xc3\xa4.ms");
    ck_assert_str_eq(ml_export_metric(&column, text), "memlog_p99_a__b______ms");
}
END_TEST

UNIT_MAIN("cli exportnames", what_metrics_have_is_called_as_there, names_are_different_but_for_the_same_number,
          names_say_their_units_and_kinds, what_no_memlog_wrote_has_a_name_that_can_be_one)
