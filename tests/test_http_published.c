/* SPDX-License-Identifier: MIT */
/* test_http_published.c - variables of the program's: in order, and always JSON. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "http/published.h"
#include "unit.h"

static int64_t count = -5;
static double share = 0.25;

static int add(const char *name, enum ml_variable_kind kind, const void *address)
{
    return ml_published_add(&(struct ml_variable){ name, kind, address, NULL, NULL });
}

static int add_function(const char *name, int (*function)(char *json, size_t n, void *data), void *data)
{
    return ml_published_add(&(struct ml_variable){ name, ML_VARIABLE_FUNCTION, NULL, function, data });
}

static const char *written(const char *after, const char *before)
{
    static struct ml_buffer buffer;
    ml_buffer_free(&buffer);
    ml_buffer_string(&buffer, "{\n");
    ml_published_write(&buffer, after, before, true);
    return buffer.bytes + 2;
}

START_TEST(variables_stand_in_order_of_their_names)
{
    ck_assert_int_eq(add("b", ML_VARIABLE_INT, &count), 0);
    ck_assert_int_eq(add("c", ML_VARIABLE_STRING, "x\"y"), 0);
    ck_assert_int_eq(add("a", ML_VARIABLE_FLOAT, &share), 0);
    ck_assert_str_eq(written(NULL, NULL), "\"a\": 0.25,\n\"b\": -5,\n\"c\": \"x\\\"y\"");
    ck_assert_str_eq(written("a", "c"), "\"b\": -5");
    ck_assert_str_eq(written("c", NULL), "");
    count = 6;
    share = INFINITY;
    ck_assert_str_eq(written(NULL, "c"), "\"a\": 0,\n\"b\": 6");
}
END_TEST

START_TEST(the_last_of_a_name_counts_until_it_is_taken_back)
{
    ck_assert_int_eq(add("v", ML_VARIABLE_STRING, "one"), 0);
    ck_assert_int_eq(add("v", ML_VARIABLE_STRING, "two"), 0);
    ck_assert_str_eq(written(NULL, NULL), "\"v\": \"two\"");
    ck_assert_int_eq(ml_published_remove("v"), 0);
    ck_assert_str_eq(written(NULL, NULL), "");
    ck_assert_int_eq(ml_published_remove("v"), -ENOENT);
}
END_TEST

START_TEST(memlogs_own_names_are_not_to_be_had)
{
    ck_assert_int_eq(add("memstats", ML_VARIABLE_INT, &count), -EINVAL);
    ck_assert_int_eq(add("cmdline", ML_VARIABLE_INT, &count), -EINVAL);
    ck_assert_int_eq(add("memlog", ML_VARIABLE_INT, &count), -EINVAL);
    ck_assert_int_eq(add("", ML_VARIABLE_INT, &count), -EINVAL);
    ck_assert_int_eq(add(NULL, ML_VARIABLE_INT, &count), -EINVAL);
}
END_TEST

static int write_it(char *json, size_t n, void *text) { return snprintf(json, n, "%s", (const char *)text); }
static int write_long(char *json, size_t n, void *unused)
{
    (void)unused;
    return snprintf(json, n, "\"%05000d\"", 0);
}
static int give_up(char *json, size_t n, void *unused)
{
    (void)json, (void)n, (void)unused;
    return -1;
}
static int lie(char *json, size_t n, void *unused)
{
    (void)unused;
    return snprintf(json, n, "[1,") + 4000;
}

START_TEST(a_function_writes_json_or_null_stands_there)
{
    static const struct {
        const char *text, *shown;
    } results[] = { { "{\"x\":[1,2]}", "{\"x\":[1,2]}" }, { "1e5", "1e5" }, { "null", "null" },
                    { "{", "null" }, { "1,2", "null" }, { "", "null" }, { "\"\xff\"", "null" } };
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        char line[100];
        ck_assert_int_eq(add_function("f", write_it, (void *)results[i].text), 0);
        snprintf(line, sizeof(line), "\"f\": %s", results[i].shown);
        ck_assert_str_eq(written(NULL, NULL), line);
    }
    ck_assert_int_eq(add_function("f", give_up, NULL), 0);
    ck_assert_str_eq(written(NULL, NULL), "\"f\": null");
    ck_assert_int_eq(add_function("f", lie, NULL), 0);
    ck_assert_str_eq(written(NULL, NULL), "\"f\": null");
    ck_assert_int_eq(add_function("f", write_long, NULL), 0);
    ck_assert_uint_eq(strlen(written(NULL, NULL)), strlen("\"f\": ") + 5002);
}
END_TEST

START_TEST(it_is_known_whether_there_are_functions)
{
    ck_assert(!ml_published_has_functions());
    add_function("f", give_up, NULL);
    add("g", ML_VARIABLE_INT, &count);
    ck_assert(ml_published_has_functions());
    add("f", ML_VARIABLE_INT, &count);
    ck_assert(!ml_published_has_functions());
}
END_TEST

/* Under the lock, as the worker is for as long as a function takes. */
static int ask_meanwhile(char *json, size_t n, void *unused)
{
    (void)unused;
    return snprintf(json, n, "%d", ml_published_has_functions());
}

START_TEST(who_asks_for_functions_does_not_wait_for_one)
{
    add_function("f", ask_meanwhile, NULL);
    ck_assert_str_eq(written(NULL, NULL), "\"f\": 1");
}
END_TEST

START_TEST(a_function_is_left_out_where_none_may_be_called)
{
    struct ml_buffer buffer = { 0 };
    add("a", ML_VARIABLE_INT, &count);
    add_function("f", give_up, NULL);
    ml_buffer_string(&buffer, "{\n");
    ml_published_write(&buffer, NULL, NULL, false);
    ck_assert_str_eq(buffer.bytes, "{\n\"a\": -5");
    ml_buffer_free(&buffer);
}
END_TEST

UNIT_MAIN("http published", variables_stand_in_order_of_their_names,
          the_last_of_a_name_counts_until_it_is_taken_back, memlogs_own_names_are_not_to_be_had,
          a_function_writes_json_or_null_stands_there, it_is_known_whether_there_are_functions,
          who_asks_for_functions_does_not_wait_for_one, a_function_is_left_out_where_none_may_be_called)
