/* SPDX-License-Identifier: MIT */
/* test_reading_log.c - runs, samples and events of a log, whole or damaged. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os_scratch.h"
#include "reading/log.h"
#include "unit.h"

#define HEADER "# memlog 1 pid=4242 start=2026-11-21T08:00:00Z interval=1s command=\"./leak \\\"fast\\\" \\\\x\"\n"
#define NAMES "# timestamp Alloc Sys\n"
#define SAMPLE(second) "12949263" #second " 1000 2000\n"

/* What the visitor was told, as words. */
static char told[64 * 1024];
static struct ml_log_run last_run;
static struct ml_log_sample last_sample;
static double last_values[ML_LINE_COLUMNS];
static struct ml_damage damage;

static void tell(const char *words)
{
    ck_assert_uint_lt(strlen(told) + strlen(words), sizeof(told) - 1);
    strcat(told, words);
}

static void see_run(void *context, const struct ml_log_run *run)
{
    (void)context;
    last_run = *run;
    tell("R");
}

static void see_sample(void *context, const struct ml_log_sample *sample)
{
    (void)context;
    last_sample = *sample;
    memcpy(last_values, sample->values, sample->count * sizeof(double));
    tell("s");
}

static void see_event(void *context, const struct ml_log_event *event)
{
    static const char *const names[] = { "mark", "alert", "limit", "gc", "lost", "end", "other" };
    char words[256];
    (void)context;
    snprintf(words, sizeof(words), "<%s%s %.*s %lu>", names[event->kind], event->has_time ? "" : " early",
             (int)event->length, event->text, (unsigned long)event->number);
    tell(words);
}

static void see_gap(void *context)
{
    (void)context;
    tell("|");
}

static const struct ml_log_visitor visitor = { NULL, see_run, see_sample, see_event, see_gap };

static void write_bytes(const char *name, const char *bytes, size_t length)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

/* Everything that is told of a log of those bytes. */
static const char *read_bytes(const char *bytes, size_t length)
{
    if (*directory == '\0') {
        make_directory();
        ck_assert_int_eq(chdir(directory), 0);
        atexit(remove_directory);
    }
    write_bytes("m.log", bytes, length);
    *told = '\0';
    memset(&damage, 0, sizeof(damage));
    ck_assert_int_eq(ml_log_visit("m.log", &visitor, &damage, NULL, NULL), 0);
    return told;
}

static const char *read_text(const char *text) { return read_bytes(text, strlen(text)); }

START_TEST(a_run_is_told_with_what_its_header_says)
{
    ck_assert_str_eq(read_text(HEADER NAMES SAMPLE(63) SAMPLE(64)), "Rss");
    ck_assert_int_eq(last_run.pid, 4242);
    ck_assert_uint_eq(last_run.interval_ns, 1000000000);
    ck_assert_str_eq(last_run.start, "2026-11-21T08:00:00Z");
    ck_assert_str_eq(last_run.command, "./leak \"fast\" \\x");
    ck_assert_uint_eq(last_run.count, 2);
    ck_assert(last_run.alloc == 0 && last_run.sys == 1 && !last_run.is_resident);
    ck_assert_int_eq(last_sample.time_ns, INT64_C(1294926364000000000));
    ck_assert(last_values[0] == 1000 && last_values[1] == 2000);
    ck_assert_uint_eq(last_sample.line, 4);
    ck_assert_uint_eq(ml_damage_total(&damage), 0);
}
END_TEST

START_TEST(events_come_in_their_order)
{
    ck_assert_str_eq(read_text(HEADER NAMES "# limit 536870912\n" SAMPLE(63) "# mark a b \n# gc 7 end=1.5 how=along\n"
                               SAMPLE(64) "# lost 17 samples (No space)\n# alert Alloc value=1\n"
                               "# something\n# end reason=SIGKILL oom_kill=1\n"),
                     "R<limit early 536870912 536870912>s<mark a b 0><gc 7 end=1.5 how=along 0>s"
                     "<lost 17 17><alert Alloc value=1 0><other something 0><end SIGKILL 1>");
}
END_TEST

START_TEST(another_header_and_other_columns_begin_a_run)
{
    ck_assert_str_eq(read_text(HEADER NAMES SAMPLE(63) "\n# memlog 1 pid=2\n# timestamp rss pss swap\n"
                               "1294926364 5000 - -\n"), "RsRs");
    ck_assert(last_run.is_resident && last_run.sys == 0 && last_run.alloc == 1 && last_run.number == 2);
    ck_assert(last_sample.has_unknown && isnan(last_values[1]));
    ck_assert_str_eq(read_text(HEADER NAMES SAMPLE(63) "# timestamp Alloc Sys NumGC\n1294926364 1 2 3\n"), "RsRs");
    ck_assert_int_eq(last_run.pid, 4242);
    ck_assert_str_eq(last_run.names[2], "NumGC");
    ck_assert_str_eq(read_text(HEADER NAMES SAMPLE(63) HEADER NAMES SAMPLE(64)), "Rss");
    ck_assert_str_eq(read_text(HEADER NAMES SAMPLE(63) "\n" HEADER NAMES SAMPLE(64)), "RsRs"); /* within a second */
}
END_TEST

START_TEST(a_blank_line_is_a_gap_or_without_a_header_a_run)
{
    ck_assert_str_eq(read_text(HEADER NAMES SAMPLE(63) "\n\n" SAMPLE(64)), "Rs|s");
    ck_assert_str_eq(read_text(SAMPLE(63) SAMPLE(64) "\n" SAMPLE(65)), "RssRs");
    ck_assert_str_eq(last_run.names[0], "Alloc");
}
END_TEST

START_TEST(columns_without_a_header_are_named_by_their_places)
{
    ck_assert_str_eq(read_text("1 2 3 4\n2 2 3 4\n"), "Rss");
    ck_assert_uint_eq(last_run.count, 3);
    ck_assert_str_eq(last_run.names[2], "column4");
    ck_assert_str_eq(read_text("1 2 3\n2 2 3 4\n3 2 3\n"), "Rss"); /* one odd line is damage */
    ck_assert_uint_eq(damage.count[ML_DAMAGE_COLUMNS], 1);
    ck_assert_str_eq(read_text("1 2 3\n2 2 3 4\n3 2 3 4\n4 2 3 4\n"), "RsRss"); /* two are another log */
}
END_TEST

START_TEST(control_characters_of_a_command_are_again_what_they_were)
{
    read_text("# memlog 1 pid=1 start=x interval=1s command=\"sh -c a\\x0ab\\x1B \\\\x41 \\x00 \\xg1 \\x4\"\n" NAMES SAMPLE(63));
    ck_assert_str_eq(last_run.command, "sh -c a\nb\x1b \\x41 ? xg1 x4");
}
END_TEST

START_TEST(names_of_columns_have_nothing_that_a_terminal_obeys)
{
    ck_assert_str_eq(read_text(HEADER "# timestamp Alloc \033]0;x\007 \302\23331m a\177b\377\n1294926363 1 2 3 4\n"), "Rs");
    ck_assert_str_eq(last_run.names[0], "Alloc");
    ck_assert_str_eq(last_run.names[1], "?]0;x?");
    ck_assert_str_eq(last_run.names[2], "??31m");
    ck_assert_str_eq(last_run.names[3], "a?b?");
    static const char nul[] = HEADER "# timestamp \0 Sys\n1294926363 1 2\n";
    ck_assert_str_eq(read_bytes(nul, sizeof(nul) - 1), "Rs");
    ck_assert_str_eq(last_run.names[0], "?"); /* none is empty */
}
END_TEST

START_TEST(damage_is_counted_where_it_is_and_the_rest_is_read)
{
    static const char text[] = HEADER NAMES SAMPLE(63) "12949 ?\n" SAMPLE(64) "\1\2garbage\n" SAMPLE(65)
        "1294926366 1000\n1294926366 1000 2000 3000\n1294926367 2000 1000\n" SAMPLE(68) "1294926369 10";
    char words[256];
    ck_assert_str_eq(read_text(text), "Rssss");
    ck_assert_uint_eq(damage.count[ML_DAMAGE_CUT], 2);
    ck_assert_uint_eq(damage.places[ML_DAMAGE_CUT][0].line, 4);
    ck_assert_uint_eq(damage.places[ML_DAMAGE_CUT][1].line, 12);
    ck_assert_uint_eq(damage.count[ML_DAMAGE_GARBAGE], 1);
    ck_assert_uint_eq(damage.places[ML_DAMAGE_GARBAGE][0].line, 6);
    ck_assert_uint_eq(damage.count[ML_DAMAGE_COLUMNS], 2);
    ck_assert_uint_eq(damage.places[ML_DAMAGE_COLUMNS][1].line, 9);
    ck_assert_uint_eq(damage.count[ML_DAMAGE_NUMBERS], 1);
    ck_assert_str_eq(ml_damage_words(&damage, ML_DAMAGE_COLUMNS, "m.log", words, sizeof(words)),
                     "2 lines with another number of columns (line 8, 9)");
}
END_TEST

START_TEST(line_ends_of_other_systems_are_read)
{
    ck_assert_str_eq(read_text("# memlog 1 pid=1 interval=250ms command=\"x\"\r\n# timestamp Alloc Sys\r\n"
                               "1294926363 1 2\r\n1294926364 1 2\r\n\r\n"), "Rss");
    ck_assert_str_eq(last_run.names[1], "Sys");
    ck_assert_str_eq(last_run.command, "x");
    ck_assert_uint_eq(last_run.interval_ns, 250000000);
    ck_assert_uint_eq(ml_damage_total(&damage), 0);
}
END_TEST

START_TEST(nul_bytes_are_skipped_in_any_number)
{
    enum { NULS = 700000 };
    static char bytes[NULS + 200];
    strcpy(bytes, HEADER NAMES SAMPLE(63));
    size_t length = strlen(bytes);
    strcpy(bytes + length + NULS, SAMPLE(64));
    ck_assert_str_eq(read_bytes(bytes, length + NULS + strlen(SAMPLE(64))), "Rss");
    ck_assert_uint_eq(damage.count[ML_DAMAGE_NULS], 1);
    ck_assert_uint_eq(damage.nul_bytes, NULS);
    ck_assert_uint_eq(damage.places[ML_DAMAGE_NULS][0].line, 4);
    ck_assert_str_eq(read_bytes(bytes, length + NULS), "Rs"); /* to the end */
    ck_assert_uint_eq(damage.count[ML_DAMAGE_CUT], 0);
    ck_assert_str_eq(read_bytes(HEADER NAMES "1294926363 1\0000 20\n" SAMPLE(64), sizeof(HEADER NAMES) - 1 + 19 + 21),
                     "Rs");
    ck_assert_uint_eq(damage.count[ML_DAMAGE_GARBAGE], 1);
}
END_TEST

START_TEST(a_line_without_end_is_left_out)
{
    enum { LONG = 3 * 1024 * 1024 };
    static char bytes[LONG + 300];
    strcpy(bytes, HEADER NAMES SAMPLE(63));
    size_t length = strlen(bytes);
    memset(bytes + length, '9', LONG);
    strcpy(bytes + length + LONG, "\n" SAMPLE(64));
    ck_assert_str_eq(read_text(bytes), "Rss");
    ck_assert_uint_eq(damage.count[ML_DAMAGE_LONG], 1);
    ck_assert_uint_eq(last_sample.line, 5);
}
END_TEST

START_TEST(a_clock_that_was_set_back_is_told_and_made_steady)
{
    ck_assert_str_eq(read_text(HEADER NAMES "1294926363 1 2\n1294920000 1 2\n1294920001 1 2\n1294926400 1 2\n"), "Rssss");
    ck_assert_uint_eq(damage.count[ML_DAMAGE_CLOCK], 1);
    ck_assert_uint_eq(ml_damage_total(&damage), 0);
    ck_assert_int_eq(last_sample.time_ns, INT64_C(1294926400000000000));
    ck_assert_int_eq(last_sample.steady_ns, INT64_C(1294926364000000000) + INT64_C(6400000000000));
}
END_TEST

START_TEST(times_as_far_apart_as_can_be_do_no_harm)
{
    static char text[200000] = HEADER NAMES;
    int64_t before = 0;
    for (int i = 0; i < 3000; i++) {
        strcat(text, i % 2 == 0 ? "4400000000.999999999 1 2\n" : "0 1 2\n");
        if (i < 10) {
            read_text(text);
            ck_assert_int_ge(last_sample.steady_ns, before);
            before = last_sample.steady_ns;
        }
    }
    read_text(text);
    ck_assert_uint_eq(damage.count[ML_DAMAGE_CLOCK], 1500);
    ck_assert_int_ge(last_sample.steady_ns, before);
}
END_TEST

START_TEST(a_log_is_the_same_in_whatever_pieces_it_is_read)
{
    static const char text[] = HEADER NAMES SAMPLE(63) SAMPLE(64) "\0\0\0" SAMPLE(65) "# mark x\n" SAMPLE(66) "\n" HEADER "?\n";
    int ends[2];
    for (size_t step = 1; step < sizeof(text); step += step < 40 ? 1 : 17) {
        char whole[1024];
        strcpy(whole, read_bytes(text, sizeof(text) - 1));
        int error = 0;
        *told = '\0';
        ck_assert_int_eq(pipe(ends), 0);
        int input = dup(STDIN_FILENO);
        dup2(ends[0], STDIN_FILENO);
        struct ml_log *log = ml_log_open("-", &error);
        ck_assert_ptr_nonnull(log);
        for (size_t at = 0; at < sizeof(text) - 1; at += step) {
            size_t length = at + step < sizeof(text) - 1 ? step : sizeof(text) - 1 - at;
            ck_assert_int_eq((int)write(ends[1], text + at, length), (int)length);
            if (at + step >= sizeof(text) - 1)
                close(ends[1]);
            if (at + step < sizeof(text) - 1) { /* one read of what is there: as a block that ends there */
                fcntl(ends[0], F_SETFL, O_NONBLOCK);
                ck_assert_int_eq(ml_log_read(log, &visitor), -EAGAIN);
            } else {
                ck_assert_int_eq(ml_log_read(log, &visitor), 0);
            }
        }
        ml_log_finish(log);
        ml_log_close(log);
        dup2(input, STDIN_FILENO);
        close(input);
        close(ends[0]);
        ck_assert_str_eq(told, whole);
    }
}
END_TEST

START_TEST(a_run_that_began_in_the_file_put_aside_is_one)
{
    read_text(HEADER NAMES SAMPLE(65));
    static const char aside[] = "old\n" HEADER NAMES SAMPLE(63) SAMPLE(64) "1294";
    write_bytes("m.log.1", aside, sizeof(aside) - 1);
    ck_assert_str_eq(read_text(HEADER NAMES SAMPLE(65)), "Rsss");
    ck_assert_uint_eq(damage.count[ML_DAMAGE_CUT], 1);
    ck_assert_uint_eq(damage.places[ML_DAMAGE_CUT][0].file, 1);
    ck_assert_str_eq(read_text("# memlog 1 pid=9\n" NAMES SAMPLE(65)), "Rs"); /* another run's */
    unlink("m.log.1");
}
END_TEST

START_TEST(a_fifo_in_the_place_of_the_file_put_aside_is_not_waited_for)
{
    ck_assert_str_eq(read_text(HEADER NAMES SAMPLE(63)), "Rs");
    ck_assert_int_eq(mkfifo("m.log.1", 0600), 0);
    *told = '\0';
    alarm(20); /* rather than for ever */
    ck_assert_int_eq(ml_log_visit("m.log", &visitor, &damage, NULL, NULL), 0);
    alarm(0);
    unlink("m.log.1");
    ck_assert_str_eq(told, "Rs");
}
END_TEST

START_TEST(what_is_written_later_is_read_later)
{
    int error = 0;
    read_text(HEADER NAMES SAMPLE(63) "1294926364 10");
    *told = '\0';
    struct ml_log *log = ml_log_open("m.log", &error);
    ck_assert_int_eq(ml_log_read(log, &visitor), 0);
    ck_assert_str_eq(told, "Rs");
    FILE *file = fopen("m.log", "a");
    fputs("00 2000\n", file);
    fclose(file);
    ck_assert_int_eq(ml_log_read(log, &visitor), 0);
    ck_assert_str_eq(told, "Rss");
    ck_assert(!ml_log_was_rotated(log));
    ck_assert_int_eq(rename("m.log", "m.log.1"), 0);
    write_bytes("m.log", "x", 1);
    ck_assert(ml_log_was_rotated(log));
    ml_log_close(log);
    unlink("m.log.1");
}
END_TEST

START_TEST(again_the_same_is_read_whatever_became_of_the_name)
{
    int error = 0;
    read_text(HEADER NAMES SAMPLE(63) "1294926364 10");
    write_bytes("m.log.1", HEADER NAMES SAMPLE(61), strlen(HEADER NAMES SAMPLE(61)));
    struct ml_log *log = ml_log_open("m.log", &error);
    *told = '\0';
    ck_assert_int_eq(ml_log_read(log, &visitor), 0);
    ml_log_finish(log);
    ck_assert_str_eq(told, "Rss");
    ck_assert_uint_eq(ml_log_damage(log)->count[ML_DAMAGE_CUT], 1);
    FILE *file = fopen("m.log", "a");
    fputs("00 2000\n" SAMPLE(65), file);
    fclose(file);
    ck_assert_int_eq(rename("m.log", "m.log.1"), 0);
    write_bytes("m.log", SAMPLE(66), strlen(SAMPLE(66)));
    for (int i = 0; i < 2; i++) {
        *told = '\0';
        ck_assert_int_eq(ml_log_rewind(log), 0);
        ck_assert_int_eq(ml_log_read(log, &visitor), 0);
        ml_log_finish(log);
        ck_assert_str_eq(told, "Rss");
        ck_assert_uint_eq(ml_log_damage(log)->count[ML_DAMAGE_CUT], 1);
    }
    ml_log_close(log);
    unlink("m.log.1");
}
END_TEST

START_TEST(what_cannot_be_opened_is_refused)
{
    int error = 0;
    read_text("");
    ck_assert_ptr_null(ml_log_open("none.log", &error));
    ck_assert_int_eq(error, -ENOENT);
    ck_assert_ptr_null(ml_log_open(directory, &error));
    ck_assert_int_eq(error, -EISDIR);
    ck_assert_str_eq(read_text(""), "");
}
END_TEST

UNIT_MAIN("reading log", a_run_is_told_with_what_its_header_says, events_come_in_their_order,
          another_header_and_other_columns_begin_a_run, a_blank_line_is_a_gap_or_without_a_header_a_run,
          columns_without_a_header_are_named_by_their_places, damage_is_counted_where_it_is_and_the_rest_is_read,
          control_characters_of_a_command_are_again_what_they_were,
          names_of_columns_have_nothing_that_a_terminal_obeys, line_ends_of_other_systems_are_read,
          nul_bytes_are_skipped_in_any_number, a_line_without_end_is_left_out,
          a_clock_that_was_set_back_is_told_and_made_steady, times_as_far_apart_as_can_be_do_no_harm,
          a_log_is_the_same_in_whatever_pieces_it_is_read, a_run_that_began_in_the_file_put_aside_is_one,
          a_fifo_in_the_place_of_the_file_put_aside_is_not_waited_for,
          what_is_written_later_is_read_later,
          again_the_same_is_read_whatever_became_of_the_name, what_cannot_be_opened_is_refused)
