/* SPDX-License-Identifier: MIT */
/* test_reading_line.c - what a line of a log is, and its numbers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reading/line.h"
#include "unit.h"

static struct ml_line_numbers numbers;

static enum ml_line_kind kind_of(const char *line) { return ml_line_parse(line, strlen(line), &numbers); }

START_TEST(samples_are_known_with_their_numbers)
{
    ck_assert_int_eq(kind_of("1294926363 4433792 11118840"), ML_LINE_SAMPLE);
    ck_assert_int_eq(numbers.time_ns, INT64_C(1294926363000000000));
    ck_assert_uint_eq(numbers.count, 2);
    ck_assert(numbers.values[0] == 4433792 && numbers.values[1] == 11118840);
    ck_assert_int_eq(kind_of(" 1294926363.250\t1 - 2.5e-05 \r"), ML_LINE_SAMPLE);
    ck_assert_int_eq(numbers.time_ns, INT64_C(1294926363250000000));
    ck_assert_uint_eq(numbers.count, 3);
    ck_assert(numbers.has_unknown && isnan(numbers.values[1]) && numbers.values[2] == 2.5e-05);
    ck_assert_int_eq(kind_of("0 0"), ML_LINE_SAMPLE);
    ck_assert_int_eq(kind_of("1 18446744073709551615"), ML_LINE_SAMPLE);
    ck_assert(numbers.values[0] == 18446744073709551615.0);
    ck_assert_int_eq(kind_of("1 -17"), ML_LINE_SAMPLE);
    ck_assert(numbers.values[0] == -17);
}
END_TEST

START_TEST(what_is_no_sample_is_told_apart)
{
    static const char *const garbage[] = { "hello", "1294926363", "1294926363 12x", "12a 1 2", "-5 1 2", "1 nan",
                                           "1 inf", "1 0x10", "1 --", "1 1e999", "99999999999 1 2", "1. 2 3",
                                           "1.1234567890 2 3", "4500000000 1 2", "1 2 \001" };
    static const char *const blank[] = { "", " ", "\t \r", "\r" };
    static const char *const cut[] = { "?", "12949 ?", "1294926363 44 ?\r" };
    for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++)
        ck_assert_msg(kind_of(garbage[i]) == ML_LINE_GARBAGE, "%s", garbage[i]);
    for (size_t i = 0; i < sizeof(blank) / sizeof(*blank); i++)
        ck_assert_int_eq(kind_of(blank[i]), ML_LINE_BLANK);
    for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++)
        ck_assert_int_eq(kind_of(cut[i]), ML_LINE_CUT);
    ck_assert_int_eq(kind_of("# mark what?"), ML_LINE_COMMENT);
    ck_assert_int_eq(kind_of("  # gc 1 ?"), ML_LINE_COMMENT);
    ck_assert_int_eq(ml_line_parse("1 2 3\0 4", 8, &numbers), ML_LINE_GARBAGE);
    ck_assert_int_eq(ml_line_parse("12949\0003 1 2", 11, &numbers), ML_LINE_GARBAGE);
    ck_assert_int_eq(ml_line_parse("12949.5\0 1 2", 12, &numbers), ML_LINE_GARBAGE);
}
END_TEST

START_TEST(more_columns_than_there_can_be_are_garbage)
{
    char line[4 * ML_LINE_COLUMNS] = "1";
    for (int i = 0; i < ML_LINE_COLUMNS; i++)
        strcat(line, " 7");
    ck_assert_int_eq(kind_of(line), ML_LINE_SAMPLE);
    ck_assert_uint_eq(numbers.count, ML_LINE_COLUMNS);
    strcat(line, " 7");
    ck_assert_int_eq(kind_of(line), ML_LINE_GARBAGE);
}
END_TEST

/* ---- the quick way, against the other one ---------------------------------------------------- */

static char memory[64 * 1024];

/* The quick way takes the line as the slow one does, or leaves it. room: the bytes behind it. */
static bool take_plain(const char *line, unsigned columns, size_t room)
{
    static struct ml_line_numbers slow;
    size_t length = strlen(line);
    memset(memory, 0, sizeof(memory));
    memcpy(memory, line, length);
    memset(memory + length, '7', room);
    memory[length + room] = '\0';
    const char *next = ml_line_parse_plain(memory, memory + length + room, columns, &numbers);
    if (next == NULL)
        return false;
    ck_assert_msg(next == memory + length, "%s", line);
    ck_assert_int_eq(ml_line_parse(line, length - 1, &slow), ML_LINE_SAMPLE);
    ck_assert_msg(slow.time_ns == numbers.time_ns, "%s", line);
    ck_assert_uint_eq(slow.count, columns);
    for (unsigned i = 0; i < columns; i++)
        ck_assert_msg(slow.values[i] == numbers.values[i], "%s: %.0f", line, numbers.values[i]);
    return true;
}

static uint64_t state = 1;

static unsigned random_below(unsigned end)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(state >> 33) % end;
}

static void put_digits(char *line, unsigned count)
{
    size_t length = strlen(line);
    for (unsigned i = 0; i < count; i++)
        line[length + i] = (char)('0' + random_below(10));
    line[length + count] = '\0';
}

static void make_line(char *line, const unsigned digits[], unsigned columns, unsigned fraction)
{
    strcpy(line, random_below(2) == 0 ? "1" : "4");
    put_digits(line, digits[0]);
    if (fraction != 0)
        put_digits(strcat(line, "."), fraction);
    for (unsigned i = 1; i <= columns; i++)
        put_digits(strcat(line, " "), digits[i]);
    strcat(line, "\n");
}

START_TEST(plain_lines_are_read_as_all_others)
{
    char line[2048];
    unsigned taken = 0;
    for (int round = 0; round < 4000; round++) {
        unsigned digits[31], columns = 1 + random_below(_i == 0 ? 2 : 30), fraction = random_below(4) * 3;
        digits[0] = random_below(9);
        for (unsigned i = 1; i <= columns; i++)
            digits[i] = 1 + random_below(19);
        for (int same = 0; same < 3; same++) { /* a shape more than once */
            make_line(line, digits, columns, fraction);
            taken += take_plain(line, columns, same == 2 ? 0 : 1000);
        }
    }
    ck_assert_uint_eq(taken, 12000);
}
END_TEST

START_TEST(a_byte_that_is_wrong_leaves_the_line_to_the_slow_way)
{
    static const char line[] = "1294926363 4433792 11118840\n", fine[] = "1294926363.25 44337 1111884012\n";
    static const char bytes[] = "\0 \n.:/-a?\200\377";
    for (int kind = 0; kind < 2; kind++) {
        const char *whole = kind == 0 ? line : fine;
        for (size_t at = 0; at < strlen(whole); at++)
            for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
                char bad[64];
                ck_assert(take_plain(whole, 2, 1000)); /* the shape is known */
                strcpy(bad, whole);
                if (bad[at] == bytes[i])
                    continue;
                bad[at] = bytes[i] == '\0' ? '\001' : bytes[i];
                const char *next = (memcpy(memory, bad, sizeof(bad)),
                                    ml_line_parse_plain(memory, memory + 1000, 2, &numbers));
                /* A point in the time, or a blank before the last number, may still be a line. */
                struct ml_line_numbers slow;
                if (next != NULL)
                    ck_assert_msg(ml_line_parse(bad, (size_t)(next - 1 - memory), &slow) == ML_LINE_SAMPLE &&
                                      slow.count == 2 && slow.time_ns == numbers.time_ns &&
                                      slow.values[0] == numbers.values[0] && slow.values[1] == numbers.values[1],
                                  "byte %zu is %d: %s", at, bytes[i], bad);
            }
    }
}
END_TEST

START_TEST(a_line_that_is_not_all_there_is_left)
{
    static const char line[] = "1294926363 4433792 11118840\n";
    ck_assert(take_plain(line, 2, 1000));
    for (size_t there = 0; there < strlen(line); there++) {
        memset(memory, 0, sizeof(memory));
        memcpy(memory, line, there);
        ck_assert_ptr_null(ml_line_parse_plain(memory, memory + there, 2, &numbers));
    }
    ck_assert(!take_plain("1294926363 1 2 3\n", 2, 0));
    ck_assert(!take_plain("1294926363 1\n", 2, 0));
    ck_assert(!take_plain("1294926363 1  2\n", 2, 0));
    ck_assert(!take_plain("1294926363 1 2\r\n", 2, 0));
    ck_assert(!take_plain("1294926363 12345678901234567890 2\n", 2, 0));
}
END_TEST

UNIT_MAIN_TIMES("reading line", 2, samples_are_known_with_their_numbers, what_is_no_sample_is_told_apart,
                more_columns_than_there_can_be_are_garbage, plain_lines_are_read_as_all_others,
                a_byte_that_is_wrong_leaves_the_line_to_the_slow_way, a_line_that_is_not_all_there_is_left)
