/* SPDX-License-Identifier: MIT */
/* test_os_process.c - what memlog asks about the process, and its words on stderr. */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/pages.h"
#include "os_scratch.h"

static const size_t MIB = 1024 * 1024;

/* --- environment, files ---------------------------------------------------- */

START_TEST(unset_and_empty_variables_are_null)
{
    unsetenv("MEMLOG_TEST");
    ck_assert_ptr_null(ml_os_getenv("MEMLOG_TEST"));
    setenv("MEMLOG_TEST", "", 1);
    ck_assert_ptr_null(ml_os_getenv("MEMLOG_TEST"));
    setenv("MEMLOG_TEST", "value", 1);
    ck_assert_str_eq(ml_os_getenv("MEMLOG_TEST"), "value");
}
END_TEST

START_TEST(a_file_is_read_and_terminated)
{
    make_directory();
    write_file("file", "hello");
    char buffer[16];
    ck_assert_int_eq(ml_os_read_file(path_of("file"), buffer, sizeof(buffer)), 5);
    ck_assert_str_eq(buffer, "hello");
    ck_assert_int_eq(ml_os_read_file(path_of("file"), buffer, 4), 3);
    ck_assert_str_eq(buffer, "hel");
    remove_directory();
}
END_TEST

START_TEST(a_file_that_is_not_there_gives_its_errno)
{
    char buffer[16] = "old";
    errno = EDOM;
    ck_assert_int_eq(ml_os_read_file("/nowhere/file", buffer, sizeof(buffer)), -ENOENT);
    ck_assert_str_eq(buffer, "");
    ck_assert_int_eq(ml_os_read_file("/proc", buffer, sizeof(buffer)), -EISDIR);
    ck_assert_int_eq(ml_os_read_file("/proc/self/comm", buffer, 0), -EINVAL);
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

START_TEST(reading_leaves_no_descriptor_open)
{
    char buffer[4];
    int before = dup(0);
    close(before);
    ml_os_read_file("/proc/self/comm", buffer, sizeof(buffer));
    ml_os_command_line(buffer, sizeof(buffer));
    ml_os_read_file("/proc", buffer, sizeof(buffer));
    int after = dup(0);
    ck_assert_int_eq(after, before);
}
END_TEST

START_TEST(a_long_write_to_a_pipe_is_written_whole)
{
    enum { COUNT = 1024 * 1024 };
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t reader = fork();
    if (reader == 0) {
        close(ends[1]);
        static char buffer[65536];
        size_t total = 0;
        ssize_t got;
        while ((got = read(ends[0], buffer, sizeof(buffer))) > 0)
            total += (size_t)got;
        _exit(total == COUNT ? 0 : 1);
    }
    close(ends[0]);
    char *bytes = calloc(1, COUNT);
    ck_assert_int_eq(ml_os_write_all(ends[1], bytes, COUNT), 0);
    free(bytes);
    close(ends[1]);
    int status;
    waitpid(reader, &status, 0);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(a_reader_that_has_gone_is_an_errno_and_no_signal)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    errno = EDOM;
    ck_assert_int_eq(ml_os_write_all(ends[1], "x", 1), -EPIPE);
    ck_assert_int_eq(errno, EDOM);
    sigset_t mask, pending;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    sigpending(&pending);
    ck_assert(!sigismember(&mask, SIGPIPE));
    ck_assert(!sigismember(&pending, SIGPIPE));
}
END_TEST

START_TEST(a_broken_pipe_of_the_programs_own_stays_pending)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    close(ends[0]);
    sigset_t blocked, pending;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGPIPE);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    ck_assert_int_eq(ml_os_write_all(ends[1], "x", 1), -EPIPE);
    sigpending(&pending);
    ck_assert(!sigismember(&pending, SIGPIPE));
    raise(SIGPIPE);
    ck_assert_int_eq(ml_os_write_all(ends[1], "x", 1), -EPIPE);
    sigpending(&pending);
    ck_assert(sigismember(&pending, SIGPIPE));
}
END_TEST

START_TEST(a_file_at_its_size_limit_is_an_errno_and_no_signal)
{
    make_directory();
    int fd = open(path_of("file"), O_WRONLY | O_CREAT, 0600);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 4;
    /* No assertion until the limit is off: check writes a file of its own. */
    setrlimit(RLIMIT_FSIZE, &limit);
    int result = ml_os_write_all(fd, "12345678", 8);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert_int_eq(result, -EFBIG);
    remove_directory();
}
END_TEST

/* --- command line, name ------------------------------------------------------ */

#define assert_escaped(raw, expected)                                                       \
    do {                                                                                    \
        char escaped[256];                                                                  \
        size_t length = ml_os_escape_arguments(raw, sizeof(raw) - 1, escaped, sizeof(escaped)); \
        ck_assert_str_eq(escaped, expected);                                                \
        ck_assert_uint_eq(length, strlen(expected));                                        \
    } while (0)

START_TEST(arguments_are_separated_by_blanks)
{
    assert_escaped("./leak\0--fast\0", "./leak --fast");
    assert_escaped("./leak\0--fast", "./leak --fast");
    assert_escaped("a\0two words\0b\0", "a two words b");
    assert_escaped("a\0\0b\0", "a  b");
    assert_escaped("rewritten title\0\0\0\0", "rewritten title");
    assert_escaped("", "");
}
END_TEST

START_TEST(quotes_backslashes_and_controls_are_escaped)
{
    assert_escaped("say \"hi\"\0", "say \\\"hi\\\"");
    assert_escaped("C:\\dir\0", "C:\\\\dir");
    assert_escaped("a\nb\tc\x7f" "d\x1b[m\0", "a\\x0ab\\x09c\\x7fd\\x1b[m");
}
END_TEST

START_TEST(bytes_beyond_ascii_pass_through)
{
    assert_escaped("gr\xc3\xbc\xc3\x9f" "e\0\xff\x80\0", "gr\xc3\xbc\xc3\x9f" "e \xff\x80");
}
END_TEST

START_TEST(a_cut_command_line_ends_before_an_escape)
{
    char buffer[8];
    ck_assert_uint_eq(ml_os_escape_arguments("abcdefghij", 10, buffer, sizeof(buffer)), 7);
    ck_assert_str_eq(buffer, "abcdefg");
    ck_assert_uint_eq(ml_os_escape_arguments("abcdef\"g", 8, buffer, sizeof(buffer)), 6);
    ck_assert_str_eq(buffer, "abcdef");
    ck_assert_uint_eq(ml_os_escape_arguments("abcd\nefg", 8, buffer, sizeof(buffer)), 4);
    ck_assert_str_eq(buffer, "abcd");
    ck_assert_uint_eq(ml_os_escape_arguments("abc", 3, buffer, 1), 0);
    ck_assert_str_eq(buffer, "");
    ck_assert_uint_eq(ml_os_escape_arguments("abc", 3, NULL, 0), 0);
}
END_TEST

START_TEST(own_command_line_is_escaped_and_may_be_long)
{
    /* Long enough for several reads, with a quote at each place of a read's end. */
    enum { ARGUMENTS = 700 };
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    static char *arguments[ARGUMENTS + 3];
    arguments[0] = (char *)"/proc/self/exe";
    for (int i = 1; i <= ARGUMENTS; i++)
        arguments[i] = (char *)"a\"";
    pid_t child = fork();
    if (child == 0) {
        char fd[16];
        snprintf(fd, sizeof(fd), "%d", ends[1]);
        setenv("MEMLOG_TEST_PRINT_COMMAND", fd, 1);
        execv("/proc/self/exe", arguments);
        _exit(1);
    }
    close(ends[1]);
    static char line[8192];
    size_t length = 0;
    ssize_t got;
    while ((got = read(ends[0], line + length, sizeof(line) - 1 - length)) > 0)
        length += (size_t)got;
    waitpid(child, NULL, 0);
    ck_assert_uint_eq(length, strlen(arguments[0]) + ARGUMENTS * strlen(" a\\\""));
    ck_assert_int_eq(strncmp(line, "/proc/self/exe a\\\" a\\\"", 22), 0);
    ck_assert_str_eq(line + length - 8, " a\\\" a\\\"");
}
END_TEST

START_TEST(program_name_is_the_kernels)
{
    char name[32];
    prctl(PR_SET_NAME, "renamed prog");
    ck_assert_uint_eq(ml_os_program_name(name, sizeof(name)), 12);
    ck_assert_str_eq(name, "renamed prog");
    ck_assert_uint_eq(ml_os_program_name(name, 4), 3);
    ck_assert_str_eq(name, "ren");
}
END_TEST

/* --- numbers --------------------------------------------------------------------- */

START_TEST(rss_grows_with_touched_memory_only)
{
    uint64_t before = ml_os_rss_bytes();
    char *memory = ml_os_map(64 * MIB);
    uint64_t mapped = ml_os_rss_bytes();
    memset(memory, 1, 64 * MIB);
    uint64_t touched = ml_os_rss_bytes();
    /* The kernel may take pages away meanwhile. AddressSanitizer has a byte of its own for eight that
     * are mapped; ThreadSanitizer has several for each one that is touched. */
    ck_assert_uint_gt(before, 0);
    ck_assert_uint_lt(mapped, before + 16 * MIB);
    ck_assert_uint_ge(touched, before + 56 * MIB);
#ifndef __SANITIZE_THREAD__
    ck_assert_uint_lt(touched, before + 88 * MIB);
#endif
}
END_TEST

START_TEST(mapped_bytes_grow_with_mappings)
{
    uint64_t before = ml_os_mapped_bytes();
    ml_os_map(64 * MIB);
    ck_assert_uint_eq(ml_os_mapped_bytes() - before, 64 * MIB);
}
END_TEST

/* --- words on stderr ------------------------------------------------------------------ */

/* A packet pipe keeps writes apart: one read gives what one write wrote. */
static int redirect_stderr(void)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_DIRECT), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    return ends[0];
}

START_TEST(a_complaint_is_one_line_in_one_write)
{
    int end = redirect_stderr();
    errno = EDOM;
    ml_os_complain("cannot open ", "memory.log", ": ", ml_os_error_text(ENOSPC), NULL);
    ck_assert_int_eq(errno, EDOM);
    char line[256] = { 0 };
    ck_assert_int_gt(read(end, line, sizeof(line) - 1), 0);
    ck_assert_str_eq(line, "memlog: cannot open memory.log: No space left on device\n");
}
END_TEST

START_TEST(a_long_complaint_is_cut_and_still_a_line)
{
    int end = redirect_stderr();
    char part[3000], line[4096] = { 0 };
    memset(part, 'x', sizeof(part) - 1);
    part[sizeof(part) - 1] = '\0';
    ml_os_complain(part, part, NULL);
    ssize_t length = read(end, line, sizeof(line));
    ck_assert_int_eq(length, 1023);
    ck_assert_int_eq(line[length - 1], '\n');
    ck_assert_ptr_null(memchr(line, '\0', (size_t)length));
}
END_TEST

START_TEST(a_complaint_to_nobody_is_no_harm)
{
    close(redirect_stderr());
    errno = EDOM;
    ml_os_complain("nobody reads this", NULL);
    close(STDERR_FILENO);
    ml_os_complain("nor this", NULL);
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

START_TEST(dying_says_why_and_aborts)
{
    int end = redirect_stderr();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit no_core = { 0, 0 };
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        ml_os_die("double free of ", "0x7f12", NULL);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    char line[256] = { 0 };
    ck_assert_int_gt(read(end, line, sizeof(line) - 1), 0);
    ck_assert_str_eq(line, "memlog: double free of 0x7f12\n");
}
END_TEST

START_TEST(errors_have_texts_without_locale)
{
    setlocale(LC_ALL, "");
    errno = EDOM;
    ck_assert_str_eq(ml_os_error_text(ENOSPC), "No space left on device");
    ck_assert_str_eq(ml_os_error_text(ENOENT), "No such file or directory");
    ck_assert_str_eq(ml_os_error_text(99999), "error 99999");
    ck_assert_str_eq(ml_os_error_text(-1), "error -1");
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

/* This program started by own_command_line_is_escaped_and_may_be_long: before
 * main, where memlog may be asked too. */
__attribute__((constructor)) static void print_command_when_asked(void)
{
    const char *fd = ml_os_getenv("MEMLOG_TEST_PRINT_COMMAND");
    if (fd == NULL)
        return;
    static char line[8192];
    size_t length = ml_os_command_line(line, sizeof(line));
    _exit(ml_os_write_all(atoi(fd), line, length) == 0 ? 0 : 1);
}

UNIT_MAIN("os process", unset_and_empty_variables_are_null, a_file_is_read_and_terminated,
          a_file_that_is_not_there_gives_its_errno, reading_leaves_no_descriptor_open,
          a_long_write_to_a_pipe_is_written_whole,
          a_reader_that_has_gone_is_an_errno_and_no_signal,
          a_broken_pipe_of_the_programs_own_stays_pending,
          a_file_at_its_size_limit_is_an_errno_and_no_signal, arguments_are_separated_by_blanks,
          quotes_backslashes_and_controls_are_escaped, bytes_beyond_ascii_pass_through,
          a_cut_command_line_ends_before_an_escape, own_command_line_is_escaped_and_may_be_long,
          program_name_is_the_kernels, rss_grows_with_touched_memory_only,
          mapped_bytes_grow_with_mappings, a_complaint_is_one_line_in_one_write,
          a_long_complaint_is_cut_and_still_a_line, a_complaint_to_nobody_is_no_harm,
          dying_says_why_and_aborts, errors_have_texts_without_locale)
