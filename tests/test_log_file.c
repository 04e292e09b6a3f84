/* SPDX-License-Identifier: MIT */
/* test_log_file.c - appending, and recovering from what happens to files.
 *
 * write() is wrapped by the linker (-Wl,--wrap=write), so that the cases can
 * count the log's writes, make them short and make them fail.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "log/file.h"
#include "log_scratch.h"

#define HEADER "# header\n# timestamp Alloc Sys\n"
#define SAMPLE "100 2000 30000\n"
#define CANNOT_BUT_GOES_ON "# this file grows beyond its cap, renaming it to .1: "

static char *const directory = scratch_directory;
static char *const path = scratch_log;
static char aside[136]; /* path.1 */
static struct ml_file file;

/* ---- the wrapped write ------------------------------------------------ */

static int write_count;
static int fail_with;          /* errno, 0: don't */
static ssize_t cut_to = -1;    /* bytes, -1: don't */

ssize_t __real_write(int fd, const void *bytes, size_t count);
ssize_t __wrap_write(int fd, const void *bytes, size_t count);
ssize_t __wrap_write(int fd, const void *bytes, size_t count)
{
    if (fd != file.fd)
        return __real_write(fd, bytes, count);
    write_count++;
    if (fail_with != 0) {
        errno = fail_with;
        return -1;
    }
    if (cut_to >= 0 && (size_t)cut_to < count)
        count = (size_t)cut_to;
    return __real_write(fd, bytes, count);
}

/* ---- the frame -------------------------------------------------------- */

/* A path in a directory of its own, and a log that was not opened yet. */
static void prepare(void)
{
    scratch_begin();
    snprintf(aside, sizeof(aside), "%s.1", path);
    file.path = path;
    file.header = HEADER;
    file.header_length = strlen(HEADER);
}

static void start(void)
{
    prepare();
    ck_assert_int_eq(ml_file_open(&file), 0);
}

static int append(const char *sample)
{
    return ml_file_append(&file, sample, strlen(sample), strlen(sample));
}

/* ---- a run ------------------------------------------------------------ */

START_TEST(new_file_begins_with_the_header)
{
    start();
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_int_eq(append("101 1 2\n"), 0);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE "101 1 2\n");
    ck_assert_uint_eq(file.samples, 2);
}
END_TEST

START_TEST(one_append_is_one_write)
{
    prepare();
    scratch_put(path, "99 1");
    ck_assert_int_eq(ml_file_open(&file), 0);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_int_eq(write_count, 1);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_int_eq(write_count, 2);
}
END_TEST

START_TEST(new_run_begins_after_a_blank_line)
{
    prepare();
    scratch_put(path, HEADER "99 1 2\n");
    ck_assert_int_eq(ml_file_open(&file), 0);
    append(SAMPLE);
    ck_assert_str_eq(scratch_contents(path), HEADER "99 1 2\n\n" HEADER SAMPLE);
}
END_TEST

START_TEST(line_that_a_kill_has_cut_is_marked)
{
    prepare();
    scratch_put(path, HEADER "99 12");
    ck_assert_int_eq(ml_file_open(&file), 0);
    append(SAMPLE);
    ck_assert_str_eq(scratch_contents(path), HEADER "99 12 ?\n\n" HEADER SAMPLE);
}
END_TEST

START_TEST(stop_and_start_in_one_process_is_a_new_run)
{
    start();
    append(SAMPLE);
    ml_file_close(&file);
    ck_assert_int_eq(ml_file_open(&file), 0);
    append(SAMPLE);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE "\n" HEADER SAMPLE);
}
END_TEST

START_TEST(what_cannot_be_opened_says_why)
{
    prepare();
    strcat(path, "/below/it");
    ck_assert_int_eq(ml_file_open(&file), -ENOENT);
    file.path = directory;
    ck_assert_int_eq(ml_file_open(&file), -EISDIR);
    ck_assert_int_lt(file.fd, 0);
}
END_TEST

/* ---- descriptors ------------------------------------------------------ */

START_TEST(descriptor_is_out_of_the_programs_way)
{
    start();
    ck_assert_int_ge(file.fd, 64);
    ck_assert(fcntl(file.fd, F_GETFD) & FD_CLOEXEC);
}
END_TEST

START_TEST(closed_stdin_is_not_taken_over)
{
    static const struct rlimit few = { 32, 32 };
    prepare();
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    close(0);
    ck_assert_int_eq(ml_file_open(&file), 0);
    ck_assert_int_ge(file.fd, 3);
    ck_assert_int_lt(fcntl(0, F_GETFD), 0);
}
END_TEST

START_TEST(closed_by_the_program_is_opened_again_without_a_header)
{
    start();
    append(SAMPLE);
    close(file.fd);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE SAMPLE);
}
END_TEST

START_TEST(descriptor_that_is_another_file_now_is_left_alone)
{
    char other[128];
    start();
    append(SAMPLE);
    snprintf(other, sizeof(other), "%s/database", directory);
    scratch_put(other, "precious");
    int theirs = open(other, O_WRONLY | O_APPEND);
    int number = file.fd;
    ck_assert_int_eq(dup2(theirs, number), number);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(other), "precious");
    ck_assert_int_eq(fcntl(number, F_GETFD), 0);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE SAMPLE);
    dup2(theirs, file.fd);
    number = file.fd;
    ml_file_close(&file);
    ck_assert_int_eq(fcntl(number, F_GETFD), 0);
}
END_TEST

/* ---- rotation --------------------------------------------------------- */

START_TEST(renamed_file_is_followed_by_a_new_one)
{
    start();
    append(SAMPLE);
    ck_assert_int_eq(rename(path, aside), 0);
    ck_assert_int_eq(append("101 1 2\n"), 0);
    ck_assert_str_eq(scratch_contents(aside), HEADER SAMPLE);
    ck_assert_str_eq(scratch_contents(path), HEADER "101 1 2\n");
}
END_TEST

START_TEST(file_that_the_rotation_created_is_taken)
{
    start();
    append(SAMPLE);
    ck_assert_int_eq(rename(path, aside), 0);
    scratch_put(path, "");
    append(SAMPLE);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE);
}
END_TEST

START_TEST(removed_file_is_begun_anew)
{
    start();
    append(SAMPLE);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE);
}
END_TEST

START_TEST(truncated_file_gets_a_header_and_no_hole)
{
    start();
    append(SAMPLE);
    append(SAMPLE);
    ck_assert_int_eq(truncate(path, 0), 0);
    append(SAMPLE);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE);
}
END_TEST

START_TEST(file_truncated_inside_a_line_is_repaired)
{
    start();
    append(SAMPLE);
    append(SAMPLE);
    ck_assert_int_eq(truncate(path, (off_t)strlen(HEADER) + 5), 0);
    append(SAMPLE);
    ck_assert_str_eq(scratch_contents(path), HEADER "100 2 ?\n\n" HEADER SAMPLE);
}
END_TEST

START_TEST(removed_directory_loses_samples_until_it_is_back)
{
    start();
    append(SAMPLE);
    unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
    ck_assert_int_eq(append(SAMPLE), -ENOENT);
    ck_assert_int_eq(append(SAMPLE), -ENOENT);
    ck_assert_uint_eq(file.lost, 2);
    ck_assert_int_eq(mkdir(directory, 0755), 0);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(path),
                     HEADER "# lost 2 samples (No such file or directory)\n" SAMPLE);
    ck_assert_uint_eq(file.samples, 2);
}
END_TEST

START_TEST(directory_that_was_moved_loses_nothing)
{
    char moved[136], there[152];
    start();
    append(SAMPLE);
    snprintf(moved, sizeof(moved), "%s.moved", directory);
    snprintf(there, sizeof(there), "%s/memory.log", moved);
    ck_assert_int_eq(rename(directory, moved), 0);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(there), HEADER SAMPLE SAMPLE);
    ck_assert_int_eq(mkdir(directory, 0755), 0);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE);
}
END_TEST

/* ---- the cap ---------------------------------------------------------- */

static const size_t two_samples = sizeof(HEADER SAMPLE SAMPLE) - 1;

START_TEST(file_above_the_cap_is_put_aside)
{
    start();
    file.max_bytes = two_samples;
    scratch_put(aside, "older");
    append("1 0 000000000\n");
    append("2 0 000000000\n");
    append("3 0 000000000\n");
    ck_assert_str_eq(scratch_contents(aside), HEADER "1 0 000000000\n2 0 000000000\n");
    ck_assert_str_eq(scratch_contents(path), HEADER "3 0 000000000\n");
}
END_TEST

START_TEST(cap_counts_what_older_runs_left)
{
    prepare();
    scratch_put(path, HEADER SAMPLE SAMPLE);
    file.max_bytes = two_samples;
    ck_assert_int_eq(ml_file_open(&file), 0);
    append(SAMPLE);
    ck_assert_str_eq(scratch_contents(aside), HEADER SAMPLE SAMPLE);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE);
}
END_TEST

START_TEST(cap_below_one_sample_still_logs)
{
    start();
    file.max_bytes = 1;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE);
}
END_TEST

START_TEST(cap_that_cannot_be_kept_is_said_once)
{
    char inside[152];
    start();
    file.max_bytes = two_samples;
    ck_assert_int_eq(mkdir(aside, 0755), 0);
    snprintf(inside, sizeof(inside), "%s/in-the-way", aside);
    scratch_put(inside, "");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(path), HEADER SAMPLE SAMPLE CANNOT_BUT_GOES_ON
                     "Is a directory\n" SAMPLE SAMPLE);
}
END_TEST

/* ---- writes that fail ------------------------------------------------- */

START_TEST(lost_samples_are_counted_and_told)
{
    start();
    append(SAMPLE);
    fail_with = ENOSPC;
    for (int i = 0; i < 17; i++)
        ck_assert_int_eq(append(SAMPLE), -ENOSPC);
    ck_assert_int_eq(ml_file_append(&file, "# gc\n", 5, 0), -ENOSPC);
    fail_with = 0;
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(path),
                     HEADER SAMPLE "# lost 17 samples (No space left on device)\n" SAMPLE);
    ck_assert_uint_eq(file.lost, 17);
    ck_assert_uint_eq(file.samples, 2);
}
END_TEST

/* Every line must be whole or marked, and as many samples whole as counted. */
static void check_lines(size_t cut)
{
    char text[4096];
    size_t whole = 0;
    strcpy(text, scratch_contents(path));
    ck_assert_msg(text[0] != '\0' && text[strlen(text) - 1] == '\n', "cut at %zu", cut);
    ck_assert_ptr_nonnull(strstr(text, HEADER));
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strcmp(line, "100 2000 30000") == 0)
            whole++;
        else
            ck_assert_msg(line[0] == '#' || strcmp(line + strlen(line) - 2, " ?") == 0,
                          "cut at %zu: %s", cut, line);
    }
    ck_assert_uint_eq(whole, file.samples);
    ck_assert_uint_eq(file.samples + file.lost, 2);
}

START_TEST(write_cut_at_any_place_is_repaired)
{
    size_t whole = strlen(" ?\n\n" HEADER SAMPLE "# mark x\n");
    prepare();
    for (size_t cut = 1; cut <= whole; cut++) {
        scratch_put(path, "99 1");
        ml_file_reset_counts(&file);
        ck_assert_int_eq(ml_file_open(&file), 0);
        cut_to = (ssize_t)cut;
        int error = ml_file_append(&file, SAMPLE "# mark x\n", strlen(SAMPLE "# mark x\n"),
                                   strlen(SAMPLE));
        ck_assert_int_eq(error, cut < whole ? -ENOSPC : 0);
        cut_to = -1;
        ck_assert_int_eq(append(SAMPLE), 0);
        check_lines(cut);
        ml_file_close(&file);
    }
}
END_TEST

START_TEST(header_that_was_cut_is_written_again)
{
    start();
    cut_to = 10;
    append(SAMPLE);
    cut_to = -1;
    append(SAMPLE);
    ck_assert_str_eq(scratch_contents(path), "# header\n# ?\n" HEADER
                     "# lost 1 samples (No space left on device)\n" SAMPLE);
}
END_TEST

static bool is_pending(int signal)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, signal);
}

START_TEST(size_limit_kills_nobody)
{
    struct rlimit limit;
    start();
    append(SAMPLE);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = strlen(HEADER SAMPLE) + 4;
    /* No assertions meanwhile: check writes files too. */
    int limited = setrlimit(RLIMIT_FSIZE, &limit);
    int cut = append(SAMPLE);
    int refused = append(SAMPLE);
    limit.rlim_cur = limit.rlim_max;
    int unlimited = setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert(limited == 0 && unlimited == 0);
    ck_assert_int_eq(cut, -ENOSPC); /* after 4 bytes */
    ck_assert_int_eq(refused, -EFBIG);
    ck_assert(!is_pending(SIGXFSZ));
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(scratch_contents(path),
                     HEADER SAMPLE "100  ?\n# lost 2 samples (File too large)\n" SAMPLE);
}
END_TEST

START_TEST(full_device_loses_samples_only)
{
    prepare();
    strcpy(path, "/dev/full");
    ck_assert_int_eq(ml_file_open(&file), 0);
    ck_assert_int_eq(append(SAMPLE), -ENOSPC);
    ck_assert_uint_eq(file.lost, 1);
}
END_TEST

UNIT_MAIN("log file", new_file_begins_with_the_header, one_append_is_one_write,
          new_run_begins_after_a_blank_line, line_that_a_kill_has_cut_is_marked,
          stop_and_start_in_one_process_is_a_new_run, what_cannot_be_opened_says_why,
          descriptor_is_out_of_the_programs_way, closed_stdin_is_not_taken_over,
          closed_by_the_program_is_opened_again_without_a_header,
          descriptor_that_is_another_file_now_is_left_alone, renamed_file_is_followed_by_a_new_one,
          file_that_the_rotation_created_is_taken, removed_file_is_begun_anew,
          truncated_file_gets_a_header_and_no_hole, file_truncated_inside_a_line_is_repaired,
          removed_directory_loses_samples_until_it_is_back, directory_that_was_moved_loses_nothing,
          file_above_the_cap_is_put_aside, cap_counts_what_older_runs_left,
          cap_below_one_sample_still_logs, cap_that_cannot_be_kept_is_said_once,
          lost_samples_are_counted_and_told, write_cut_at_any_place_is_repaired,
          header_that_was_cut_is_written_again, size_limit_kills_nobody,
          full_device_loses_samples_only)
