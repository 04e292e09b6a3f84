/* SPDX-License-Identifier: MIT */
/* test_cli_plot_words.c - what a picture says in words: texts, durations, columns, zones, names. */
#include "unit.h"

#include <string.h>

#include "cli/plotdraw.h"

static const char *clean(const char *text, size_t max)
{
    static char to[256];
    return ml_plot_text_clean(to, text, strlen(text), max);
}

START_TEST(texts_are_fit_for_every_terminal)
{
    ck_assert_str_eq(clean("  a\tb\x1b[31m \n", 32), "a b [31m");
    ck_assert_str_eq(clean("\xc3\xa9t\xc3\xa9", 32), "\xc3\xa9t\xc3\xa9");
    ck_assert_str_eq(clean("\xc3\xa9t\xe9", 32), "??t?"); /* not UTF-8: none of it */
    ck_assert_str_eq(clean("\xed\xa0", 32), "??");
    ck_assert_str_eq(clean("   ", 32), "");
    /* What turns the direction of the words around it. */
    ck_assert_str_eq(clean("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xd8\x9c" "d", 32), "a   b   c  d");
    ck_assert_str_eq(clean("a\xe2\x80\xaf\xd8\x9d", 32), "a\xe2\x80\xaf\xd8\x9d");
}
END_TEST

START_TEST(long_texts_are_cut_between_characters)
{
    ck_assert_str_eq(clean("0123456789", 10), "0123456789");
    ck_assert_str_eq(clean("0123456789a", 10), "0123456789...");
    ck_assert_str_eq(clean("01234567\xe2\x82\xac" "a", 10), "01234567...");
    ck_assert_str_eq(clean("0123456\xe2\x82\xac" "ab", 10), "0123456\xe2\x82\xac...");
}
END_TEST

static const char *duration(double seconds)
{
    static char text[64];
    return ml_plot_duration_text((int64_t)(seconds * 1e9), text, sizeof(text));
}

START_TEST(durations_have_two_units)
{
    ck_assert_str_eq(duration(0), "0 s");
    ck_assert_str_eq(duration(1.25), "1.25 s");
    ck_assert_str_eq(duration(59.4), "59 s");
    ck_assert_str_eq(duration(60), "1 min");
    ck_assert_str_eq(duration(296), "4 min 56 s");
    ck_assert_str_eq(duration(3599.7), "1 h");
    ck_assert_str_eq(duration(12000), "3 h 20 min");
    ck_assert_str_eq(duration(86400), "1 d");
    ck_assert_str_eq(duration(86400 * 58 + 7200), "58 d 2 h");
}
END_TEST

START_TEST(an_end_that_is_none_is_not_told)
{
    struct ml_plot_log log = { .end = "exit" };
    char text[64];
    ck_assert_str_eq(ml_plot_end_text(&log, text, sizeof(text)), "");
    log.ended_oom = true;
    ck_assert_str_eq(ml_plot_end_text(&log, text, sizeof(text)), "the kernel (out of memory)");
    strcpy(log.end, "SIGKILL");
    ck_assert_str_eq(ml_plot_end_text(&log, text, sizeof(text)), "SIGKILL (out of memory)");
}
END_TEST

START_TEST(columns_are_known_by_both_spellings)
{
    static struct ml_plot plot; /* large */
    struct ml_plot_want want = { .columns = "rss,Mallocs,odd" };
    ck_assert(ml_plot_begin(&plot, &want));
    ck_assert_uint_eq(plot.column_count, 3);
    ck_assert(!plot.is_default);
    ck_assert(plot.columns[0].is_bytes);
    ck_assert(plot.columns[1].field != NULL && !plot.columns[1].is_bytes);
    ck_assert(plot.columns[2].field == NULL);
    want.columns = NULL;
    ck_assert(ml_plot_begin(&plot, &want));
    ck_assert(plot.is_default && plot.columns[1].is_bytes);
    ck_assert_str_eq(plot.columns[1].name, "Sys");
    want.columns = "rss,";
    ck_assert(!ml_plot_begin(&plot, &want));
    want.columns = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q";
    ck_assert(!ml_plot_begin(&plot, &want));
}
END_TEST

static int offset_of(const char *name)
{
    struct ml_plot_zone zone;
    ck_assert_msg(ml_plot_zone_choose(name), "%s", name);
    ml_plot_zone_at(&zone, 1795248000LL * 1000000000);
    return zone.offset_seconds;
}

START_TEST(zones_are_offsets_rules_and_names)
{
    struct ml_plot_zone zone;
    ck_assert_int_eq(offset_of("+05:30"), 19800);
    ml_plot_zone_at(&zone, 0);
    ck_assert_str_eq(zone.name, "UTC+05:30");
    ck_assert_int_eq(offset_of("-03"), -10800);
    ck_assert_int_eq(offset_of("+2"), 7200);
    ck_assert_int_eq(offset_of("UTC"), 0);
    ck_assert_int_eq(offset_of("EST5"), -18000);
    static const char *const none[] = { "", "Nowhere", "../etc/passwd", "/etc/passwd", "+", "+25", "+1:2:3",
                                        "Europe/", "+05:30x" };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        ck_assert_msg(!ml_plot_zone_choose(none[i]), "'%s' is taken for a zone", none[i]);
}
END_TEST

START_TEST(a_picture_is_called_as_its_log)
{
    static const char *const names[][2] = {
        { "memory.log", "memory.png" },   { "a/b.c/log", "a/b.c/log.png" }, { ".hidden", ".hidden.png" },
        { "a/.hidden", "a/.hidden.png" }, { "two.dots.log", "two.dots.png" },
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *name = ml_plot_output_name(names[i][0], ML_PLOT_PNG);
        ck_assert_str_eq(name, names[i][1]);
        free(name);
    }
    enum ml_plot_format format;
    ck_assert(ml_plot_format_of("x/y.pdf", &format) && format == ML_PLOT_PDF);
    ck_assert(ml_plot_format_of("y.htm", &format) && format == ML_PLOT_PAGE);
    ck_assert(!ml_plot_format_of("y.dumb", &format)); /* the name of a format, of no file */
    ck_assert(!ml_plot_format_of("png", &format));
    ck_assert(!ml_plot_format_of(".png", &format));
}
END_TEST

UNIT_MAIN("cli plot words", texts_are_fit_for_every_terminal, long_texts_are_cut_between_characters,
          durations_have_two_units, an_end_that_is_none_is_not_told, columns_are_known_by_both_spellings,
          zones_are_offsets_rules_and_names, a_picture_is_called_as_its_log)
