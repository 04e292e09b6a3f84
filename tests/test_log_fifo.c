/* SPDX-License-Identifier: MIT */
/* test_log_fifo.c - logs that are no files: a fifo, a terminal. What file.h
 * promises of them: nobody waits, nobody is killed.
 */
#include "unit.h"

#include <errno.h>
#include <signal.h>

#include "log/file.h"
#include "log_scratch.h"

#define HEADER "# header\n# timestamp Alloc Sys\n"
#define SAMPLE "100 2000 30000\n"

static struct ml_file file = { .path = scratch_log,
                               .header = HEADER,
                               .header_length = sizeof(HEADER) - 1 };

static int append(const char *sample)
{
    return ml_file_append(&file, sample, strlen(sample), strlen(sample));
}

static bool is_pending(int signal)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, signal);
}

static int make_fifo(void)
{
    scratch_begin();
    return mkfifo(scratch_log, 0644);
}

static const char *read_some(int fd)
{
    static char text[1 << 17];
    ssize_t got = read(fd, text, sizeof(text) - 1);
    text[got < 0 ? 0 : got] = '\0';
    return text;
}

START_TEST(fifo_without_a_reader_is_waited_for_in_the_background)
{
    ck_assert_int_eq(make_fifo(), 0);
    ck_assert_int_eq(ml_file_open(&file), 0);
    ck_assert_int_eq(append(SAMPLE), -ENXIO);
    int reader = open(scratch_log, O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(read_some(reader),
                     HEADER "# lost 1 samples (No such device or address)\n" SAMPLE);
}
END_TEST

START_TEST(reader_that_goes_away_kills_nobody)
{
    ck_assert_int_eq(make_fifo(), 0);
    int reader = open(scratch_log, O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(ml_file_open(&file), 0);
    ck_assert_int_eq(append(SAMPLE), 0);
    close(reader);
    ck_assert_int_eq(append(SAMPLE), -EPIPE);
    ck_assert(!is_pending(SIGPIPE));
    reader = open(scratch_log, O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(read_some(reader), HEADER "# lost 1 samples (Broken pipe)\n" SAMPLE);
}
END_TEST

START_TEST(signal_that_waited_already_keeps_waiting)
{
    sigset_t pipe_only, before;
    ck_assert_int_eq(make_fifo(), 0);
    int reader = open(scratch_log, O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(ml_file_open(&file), 0);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    raise(SIGPIPE);
    close(reader);
    ck_assert_int_eq(append(SAMPLE), -EPIPE);
    ck_assert(is_pending(SIGPIPE));
}
END_TEST

START_TEST(full_fifo_does_not_block)
{
    ck_assert_int_eq(make_fifo(), 0);
    int reader = open(scratch_log, O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(ml_file_open(&file), 0);
    int error = 0;
    for (int i = 0; i < 100000 && error == 0; i++)
        error = append(SAMPLE);
    ck_assert_int_eq(error, -EAGAIN);
    (void)read_some(reader);
    ck_assert_int_eq(append(SAMPLE), 0);
    ck_assert_str_eq(read_some(reader),
                     "# lost 1 samples (Resource temporarily unavailable)\n" SAMPLE);
}
END_TEST

START_TEST(terminal_gets_header_and_lines)
{
    char terminal_name[64];
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    scratch_begin();
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0 ||
        ptsname_r(terminal, terminal_name, sizeof(terminal_name)) != 0)
        return; /* a place without terminals */
    file.path = terminal_name;
    ck_assert_int_eq(ml_file_open(&file), 0);
    ck_assert_int_eq(append("1 2 3\n"), 0);
    ck_assert_ptr_nonnull(strstr(read_some(terminal), "# header\r\n"));
    ck_assert_int_eq(append("4 5 6\n"), 0);
    ck_assert_str_eq(read_some(terminal), "4 5 6\r\n");
}
END_TEST

UNIT_MAIN("log fifo", fifo_without_a_reader_is_waited_for_in_the_background,
          reader_that_goes_away_kills_nobody, signal_that_waited_already_keeps_waiting,
          full_fifo_does_not_block, terminal_gets_header_and_lines)
