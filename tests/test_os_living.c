/* SPDX-License-Identifier: MIT */
/* test_os_living.c - a process whose first thread has ended is asked by one that goes on: its memory,
 * mappings and descriptors are all there.
 */
#include "os/living.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/account.h"
#include "os/maps.h"
#include "os/pages.h"
#include "os/process.h"
#include "os/segments.h"
#include "os/usage.h"
#include "os_scratch.h"

/* ---- whose files ------------------------------------------------------------------------------- */

static char path[ML_OS_LIVING_BYTES];

START_TEST(who_has_memory_is_asked_itself)
{
    ck_assert_str_eq(ml_os_living(path, "/proc/self"), "/proc/self");
    ck_assert_str_eq(ml_os_living_file(path, 0, "/maps"), "/proc/self/maps");
}
END_TEST

START_TEST(where_nobody_has_memory_it_stays_the_process)
{
    ck_assert_str_eq(ml_os_living(path, "/nowhere/4242"), "/nowhere/4242");
    make_directory();
    write_file("statm", "0 0 0 0 0 0 0\n");
    write_file("task/1/statm", "0 0 0 0 0 0 0\n");
    ck_assert_str_eq(ml_os_living(path, path_of(".")), path_of("."));
    remove_directory();
}
END_TEST

START_TEST(another_thread_of_it_is_found)
{
    make_directory();
    write_file("statm", "0 0 0 0 0 0 0\n");
    write_file("task/4242/statm", "0 0 0 0 0 0 0\n");
    write_file("task/4243/statm", "900 70 0 0 0 0 0\n");
    const char *living = ml_os_living(path, path_of("."));
    ck_assert_ptr_nonnull(strstr(living, "/./task/4243"));
    remove_directory();
}
END_TEST

/* ---- a process that lives on without its first thread ---------------------------------------------- */

static int told;

static void expect(bool condition, const char *what)
{
    if (!condition)
        dprintf(told, "%s; ", what);
}

static bool first_has_ended(void)
{
    char stat[512];
    ml_os_read_file("/proc/self/stat", stat, sizeof(stat));
    const char *end = strrchr(stat, ')');
    return end != NULL && end[2] == 'Z';
}

static void count_line(const char *line, size_t length, void *count)
{
    (void)line, (void)length;
    ++*(unsigned *)count;
}

static void expect_all(const char *proc)
{
    struct ml_os_account account;
    struct ml_os_usage usage = { .pss = 0 };
    ml_os_account_read(proc, &account);
    expect(account.resident_bytes != 0, "resident bytes");
    expect(account.peak_resident_bytes >= account.resident_bytes, "peak of resident bytes");
    expect(account.virtual_bytes >= account.resident_bytes, "virtual bytes");
    expect(account.start_ns != 0, "start");
    ml_os_usage_read(proc, ML_OS_USAGE_ROLLUP | ML_OS_USAGE_STAT | ML_OS_USAGE_FDS, &usage);
    expect(usage.pss != 0, "pss");
    expect(usage.process_threads >= 1, "threads");
    expect(usage.fds >= 3, "descriptors");
}

static void *go_on(void *unused)
{
    uintptr_t begin = 0, end = 0;
    unsigned lines = 0;
    char number[32], command[64] = "";
    char *elsewhere = ml_os_map(65536);
    while (!first_has_ended())
        usleep(1000);
    expect(ml_os_rss_bytes() != 0, "rss");
    expect(ml_os_mapped_bytes() > 65536, "mapped");
    expect(ml_os_mapping_around((uintptr_t)elsewhere + 20000, &begin, &end) && begin <= (uintptr_t)elsewhere &&
               end >= (uintptr_t)elsewhere + 65536,
           "a mapping");
    ml_os_each_code_mapping(count_line, &lines);
    expect(lines != 0, "code");
    expect(ml_os_command_line(command, sizeof(command)) != 0, "command line");
    expect_all("/proc/self");
    snprintf(number, sizeof(number), "/proc/%d", (int)getpid());
    expect_all(number);
    _exit(0);
    return unused;
}

START_TEST(all_is_told_when_the_first_thread_has_ended)
{
    int ends[2];
    char words[512] = "";
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        told = ends[1];
        pthread_create(&thread, NULL, go_on, NULL);
        pthread_exit(NULL);
    }
    close(ends[1]);
    for (ssize_t length = 0, got;
         (got = read(ends[0], words + length, sizeof(words) - 1 - (size_t)length)) > 0;)
        length += got;
    int status;
    waitpid(child, &status, 0);
    ck_assert_str_eq(words, "");
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

UNIT_MAIN("os living", who_has_memory_is_asked_itself, where_nobody_has_memory_it_stays_the_process,
          another_thread_of_it_is_found, all_is_told_when_the_first_thread_has_ended)
