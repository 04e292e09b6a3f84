/* SPDX-License-Identifier: MIT */
/* test_os_usage.c - what the system says a process takes: from files as the kernel
 * writes them, and of this process.
 */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "os/cgroup.h"
#include "os/process.h"
#include "os/usage.h"
#include "os_scratch.h"

enum { ALL = ML_OS_USAGE_ROLLUP | ML_OS_USAGE_STAT | ML_OS_USAGE_FDS | ML_OS_USAGE_CGROUP };

static struct ml_os_usage usage;

START_TEST(files_are_read_as_the_kernel_writes_them)
{
    make_directory();
    write_file("smaps_rollup", "55d-7ffd ---p 00000000 00:00 0    [rollup]\n"
                               "Rss:                2212 kB\nPss:                 345 kB\n"
                               "Pss_Dirty:           100 kB\nSwap:                 12 kB\n"
                               "SwapPss:               7 kB\n");
    /* The name may be anything. */
    write_file("stat", "4242 (a) S 9 (b) R 1 2 3 4 5 6 7 8 77 10 11 12 13 14 15 16 5 18 19\n");
    write_file("fd/0", "");
    write_file("fd/1", "");
    write_file("fd/63", "");
    ml_os_usage_read(path_of(""), ALL, &usage);
    remove_directory();
    ck_assert_uint_eq(usage.pss, 345 * 1024);
    ck_assert_uint_eq(usage.swap, 12 * 1024);
    ck_assert_uint_eq(usage.majflt, 77);
    ck_assert_uint_eq(usage.process_threads, 5);
    ck_assert_uint_eq(usage.fds, 3);
}
END_TEST

START_TEST(what_is_not_there_is_nothing)
{
    memset(&usage, 0xFF, sizeof(usage));
    ml_os_usage_read("/proc/nobody", ALL, &usage);
    ck_assert_uint_eq(usage.pss | usage.swap | usage.majflt | usage.process_threads | usage.fds |
                          usage.cgroup_current, 0);
    memset(&usage, 0xFF, sizeof(usage));
    make_directory();
    write_file("stat", "4242 (cut");
    write_file("smaps_rollup", "Rss");
    ml_os_usage_read(path_of(""), ML_OS_USAGE_STAT | ML_OS_USAGE_ROLLUP, &usage);
    remove_directory();
    ck_assert_uint_eq(usage.pss | usage.swap | usage.majflt | usage.process_threads, 0);
    ck_assert_uint_eq(usage.fds, UINT64_MAX); /* not asked for */
}
END_TEST

static void *wait_for_end(void *end)
{
    char byte;
    ck_assert_int_eq(read(*(int *)end, &byte, 1), 0);
    return NULL;
}

START_TEST(this_process_is_told_of)
{
    struct ml_os_usage before;
    int ends[2];
    pthread_t thread;
    ml_os_usage_read("/proc/self", ALL, &before);
    ck_assert_uint_ge(before.pss, 4096);
    ck_assert_uint_le(before.pss, ml_os_rss_bytes() + (1 << 20));
    ck_assert_uint_eq(before.process_threads, 1);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_end, &ends[0]), 0);
    ml_os_usage_read("/proc/self", ALL, &usage);
    ck_assert_uint_eq(usage.process_threads, 2);
    ck_assert_uint_eq(usage.fds, before.fds + 2);
    /* By another name it is another's. */
    char name[32];
    snprintf(name, sizeof(name), "/proc/%d", (int)getpid());
    struct ml_os_usage by_pid;
    ml_os_usage_read(name, ML_OS_USAGE_STAT, &by_pid);
    ck_assert_uint_eq(by_pid.process_threads, 2);
    close(ends[1]);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(a_groups_own_charge_is_the_least)
{
    make_directory();
    write_file("membership", "0::/user/app\n");
    write_file("memory.current", "900\n");
    write_file("user/memory.current", "800\n");
    write_file("user/app/memory.current", "700\n");
    char membership[PATH_MAX];
    snprintf(membership, sizeof(membership), "%s", path_of("membership"));
    uint64_t charge = ml_os_cgroup_current_under(membership, path_of(""));
    remove_directory();
    ck_assert_uint_eq(charge, 700);
}
END_TEST

UNIT_MAIN("os usage", files_are_read_as_the_kernel_writes_them, what_is_not_there_is_nothing,
          this_process_is_told_of, a_groups_own_charge_is_the_least)
