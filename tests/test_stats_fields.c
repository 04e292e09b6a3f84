/* SPDX-License-Identifier: MIT */
/* test_stats_fields.c - the table names every member once, in order, and can
 * be searched. */
#include "unit.h"

#include <string.h>

#include "base/bits.h"
#include "stats/fields.h"

static const char *const go_names_of_memstats[] = {
    "Alloc",       "TotalAlloc",   "Sys",         "Lookups",     "Mallocs",
    "Frees",       "HeapAlloc",    "HeapSys",     "HeapIdle",    "HeapInuse",
    "HeapReleased", "HeapObjects", "StackInuse",  "StackSys",    "MSpanInuse",
    "MSpanSys",    "MCacheInuse",  "MCacheSys",   "BuckHashSys", "GCSys",
    "OtherSys",    "NextGC",       "LastGC",      "PauseTotalNs", "PauseNs",
    "PauseEnd",    "NumGC",        "NumForcedGC", "GCCPUFraction", "EnableGC",
    "DebugGC",     "BySize",
};
enum { MEMSTATS_FIELDS = sizeof(go_names_of_memstats) / sizeof(go_names_of_memstats[0]) };

struct extent {
    size_t size, alignment;
};

static struct extent extent_of(const struct ml_field *field)
{
    switch ((enum ml_field_type)field->type) {
    case ML_TYPE_U64:
    case ML_TYPE_I64:
        return (struct extent){ sizeof(uint64_t), _Alignof(uint64_t) };
    case ML_TYPE_U32:
        return (struct extent){ sizeof(uint32_t), _Alignof(uint32_t) };
    case ML_TYPE_DOUBLE:
        return (struct extent){ sizeof(double), _Alignof(double) };
    case ML_TYPE_BOOL:
        return (struct extent){ sizeof(bool), _Alignof(bool) };
    case ML_TYPE_U64_RING:
        return (struct extent){ MEMLOG_PAUSES * sizeof(uint64_t), _Alignof(uint64_t) };
    case ML_TYPE_BY_SIZE:
        return (struct extent){ MEMLOG_BY_SIZE * sizeof(struct memlog_by_size),
                                _Alignof(struct memlog_by_size) };
    case ML_TYPE_HISTOGRAM:
        return (struct extent){ sizeof(struct memlog_histogram),
                                _Alignof(struct memlog_histogram) };
    }
    ck_abort_msg("%s has no known type", field->name);
}

/* Each of the home's fields begins where the one before it ended. */
static void check_no_gaps(enum ml_field_home home, size_t begin, size_t end)
{
    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        if (field->home != home)
            continue;
        struct extent extent = extent_of(field);
        ck_assert_msg(field->offset == ml_align_up(begin, extent.alignment),
                      "%s is at %u, not right behind byte %zu", field->name,
                      (unsigned)field->offset, begin);
        begin = field->offset + extent.size;
    }
    ck_assert_uint_eq(ml_align_up(begin, _Alignof(uint64_t)), end);
}

START_TEST(every_member_of_memstats_has_one_row_in_order)
{
    check_no_gaps(ML_HOME_MEMSTATS, 0, sizeof(struct memlog_memstats));
}
END_TEST

START_TEST(every_member_of_extra_but_size_has_one_row_in_order)
{
    check_no_gaps(ML_HOME_EXTRA, sizeof(size_t), sizeof(struct memlog_extra));
}
END_TEST

START_TEST(every_number_of_the_system_has_one_row_in_order)
{
    check_no_gaps(ML_HOME_USAGE, 0, sizeof(struct ml_os_usage));
}
END_TEST

START_TEST(the_rows_of_memstats_come_first_and_are_named_as_in_go)
{
    ck_assert_uint_gt(ml_fields_count, MEMSTATS_FIELDS);
    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        if (i < MEMSTATS_FIELDS) {
            ck_assert_int_eq(field->home, ML_HOME_MEMSTATS);
            ck_assert_str_eq(field->go_name, go_names_of_memstats[i]);
        } else {
            ck_assert_int_ne(field->home, ML_HOME_MEMSTATS);
        }
    }
}
END_TEST

/* heap_alloc and HeapAlloc: the same letters, but for case and underlines. */
START_TEST(both_spellings_of_a_name_have_the_same_letters)
{
    for (size_t i = 0; i < ml_fields_count; i++) {
        const char *go_name = ml_fields[i].go_name;
        for (const char *c = ml_fields[i].name; *c != '\0'; c++) {
            if (*c == '_')
                continue;
            ck_assert_msg(*go_name == *c || *go_name + 'a' - 'A' == *c, "%s is called %s",
                          ml_fields[i].name, ml_fields[i].go_name);
            go_name++;
        }
        ck_assert_msg(*go_name == '\0', "%s is called %s", ml_fields[i].name,
                      ml_fields[i].go_name);
    }
}
END_TEST

START_TEST(help_is_one_sentence_without_a_full_stop)
{
    for (size_t i = 0; i < ml_fields_count; i++) {
        const char *help = ml_fields[i].help;
        ck_assert_msg(help != NULL && help[0] >= 'A' && help[0] <= 'Z', "help of %s",
                      ml_fields[i].name);
        ck_assert_msg(strchr(help, '.') == NULL && strchr(help, '\n') == NULL, "help of %s: %s",
                      ml_fields[i].name, help);
    }
}
END_TEST

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), end_length = strlen(end);
    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

START_TEST(units_and_kinds_fit_names_and_types)
{
    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        ck_assert_msg((field->type == ML_TYPE_BOOL) == (field->unit == ML_UNIT_FLAG), "%s",
                      field->name);
        ck_assert_msg((field->type == ML_TYPE_DOUBLE) == (field->unit == ML_UNIT_FRACTION), "%s",
                      field->name);
        if (ends_with(field->name, "_ns"))
            ck_assert_msg(field->unit == ML_UNIT_NANOSECONDS, "%s", field->name);
        if (ends_with(field->name, "_sys") || ends_with(field->name, "_inuse") ||
            ends_with(field->name, "_bytes"))
            ck_assert_msg(field->unit == ML_UNIT_BYTES, "%s", field->name);
        if (ends_with(field->name, "mallocs") || ends_with(field->name, "frees"))
            ck_assert_msg(field->unit == ML_UNIT_COUNT && field->kind == ML_TOTAL, "%s",
                          field->name);
    }
}
END_TEST

static const struct ml_field *find(const char *name)
{
    return ml_field_find(name, strlen(name));
}

START_TEST(every_field_is_found_by_both_spellings)
{
    for (size_t i = 0; i < ml_fields_count; i++) {
        ck_assert_ptr_eq(find(ml_fields[i].name), &ml_fields[i]);
        ck_assert_ptr_eq(find(ml_fields[i].go_name), &ml_fields[i]);
    }
}
END_TEST

START_TEST(a_name_inside_a_list_is_found_by_its_length)
{
    const char *columns = "HeapInuse,rss";

    ck_assert_ptr_eq(ml_field_find(columns, 9), find("heap_inuse"));
    ck_assert_ptr_eq(ml_field_find(columns + 10, 3), find("RSS"));
    ck_assert_ptr_null(ml_field_find(columns, 13));
    ck_assert_ptr_null(ml_field_find(columns, 8));
}
END_TEST

START_TEST(other_names_are_not_found)
{
    static const char *const others[] = { "",      "alloc_", "Allo",  "ALLOC", "heapAlloc",
                                          "size",  "Size",   "heap alloc", "HeapAllocs" };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_msg(find(others[i]) == NULL, "\"%s\" was found", others[i]);
}
END_TEST

START_TEST(a_field_is_read_from_its_own_struct)
{
    struct memlog_memstats stats = { .num_gc = 7, .enable_gc = true };
    struct memlog_extra extra = { .gc_percent = -1 };

    ck_assert_ptr_eq(ml_field_at(find("NumGC"), &stats, &extra, NULL), &stats.num_gc);
    ck_assert_ptr_eq(ml_field_at(find("EnableGC"), &stats, NULL, NULL), &stats.enable_gc);
    ck_assert_ptr_eq(ml_field_at(find("GCPercent"), NULL, &extra, NULL), &extra.gc_percent);
}
END_TEST

UNIT_MAIN("stats fields", every_member_of_memstats_has_one_row_in_order,
          every_member_of_extra_but_size_has_one_row_in_order,
          every_number_of_the_system_has_one_row_in_order,
          the_rows_of_memstats_come_first_and_are_named_as_in_go,
          both_spellings_of_a_name_have_the_same_letters,
          help_is_one_sentence_without_a_full_stop, units_and_kinds_fit_names_and_types,
          every_field_is_found_by_both_spellings, a_name_inside_a_list_is_found_by_its_length,
          other_names_are_not_found, a_field_is_read_from_its_own_struct)
