/* SPDX-License-Identifier: MIT */
/* test_cli_screen.c - what is shown again and again in one place of a terminal fits there. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/screen.h"

static const char *shown(const char *what, unsigned rows, unsigned columns)
{
    static char buffer[1024];
    struct ml_text text;
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_screen_write(&text, what, rows, columns);
    ck_assert_uint_lt(ml_text_finish(&text), sizeof(buffer));
    return buffer;
}

#define TOP "\033[H"
#define END_OF_LINE "\033[K\n"
#define REST "\033[J"

START_TEST(each_line_wipes_what_it_stands_on)
{
    ck_assert_str_eq(shown("one\ntwo\n", 24, 80), TOP "one" END_OF_LINE "two" END_OF_LINE REST);
    ck_assert_str_eq(shown("", 24, 80), TOP REST);
    ck_assert_str_eq(shown("no end", 24, 80), TOP "no end" END_OF_LINE REST);
    ck_assert_str_eq(shown("\n\n", 24, 80), TOP END_OF_LINE END_OF_LINE REST);
}
END_TEST

START_TEST(lines_are_cut_to_the_columns)
{
    ck_assert_str_eq(shown("12345\n", 24, 6), TOP "12345" END_OF_LINE REST);
    /* Nothing is wiped behind what fills the line. */
    ck_assert_str_eq(shown("123456\n", 24, 6), TOP "123456\n" REST);
    ck_assert_str_eq(shown("1234567\n12\n", 24, 6), TOP "123456\n12" END_OF_LINE REST);
}
END_TEST

/* Else the first would be lost out of the top. */
START_TEST(one_row_is_left_free)
{
    ck_assert_str_eq(shown("1\n2\n3\n", 4, 80), shown("1\n2\n3\n", 0, 80));
    ck_assert_str_eq(shown("1\n2\n3\n", 3, 80), TOP "1" END_OF_LINE "2" END_OF_LINE REST);
    ck_assert_str_eq(shown("1\n2\n3\n", 1, 80), TOP REST);
}
END_TEST

START_TEST(a_terminal_that_does_not_say_its_size_gets_all)
{
    ck_assert_str_eq(shown("12\n34\n", 0, 0), TOP "12" END_OF_LINE "34" END_OF_LINE REST);
}
END_TEST

START_TEST(a_screen_is_a_terminal_that_knows_the_sequences)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY), file = open("/dev/null", O_WRONLY);
    ck_assert_int_ge(terminal, 0);
    setenv("TERM", "xterm", 1);
    ck_assert(ml_screen_is(terminal));
    ck_assert(!ml_screen_is(file));
    setenv("TERM", "dumb", 1);
    ck_assert(!ml_screen_is(terminal));
    setenv("TERM", "", 1);
    ck_assert(!ml_screen_is(terminal));
    unsetenv("TERM");
    ck_assert(!ml_screen_is(terminal));
    unsigned rows = 1, columns = 1;
    ml_screen_size(file, &rows, &columns);
    ck_assert_uint_eq(rows, 0);
    ck_assert_uint_eq(columns, 0);
}
END_TEST

UNIT_MAIN("cli screen", each_line_wipes_what_it_stands_on, lines_are_cut_to_the_columns, one_row_is_left_free,
          a_terminal_that_does_not_say_its_size_gets_all, a_screen_is_a_terminal_that_knows_the_sequences)
