/* SPDX-License-Identifier: MIT */
/* test_os_account.c - what the system has booked for a process: from files as the kernel writes
 * them, and of this process.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os/account.h"
#include "os/clock.h"
#include "os/process.h"
#include "os_scratch.h"

static struct ml_os_account account;

/* The folder's files, the system's among them. */
static void read_scratch(void)
{
    char system[PATH_MAX];
    snprintf(system, sizeof(system), "%s", path_of("system"));
    memset(&account, 0xFF, sizeof(account));
    ml_os_account_read_with(path_of(""), system, &account);
}

#define STAT_OF(start) \
    "4242 (a) S 9 (b) R 1 2 3 4 5 6 7 8 77 10 150 250 13 14 15 16 5 18 " start " 123456789 20 30\n"

START_TEST(files_are_read_as_the_kernel_writes_them)
{
    make_directory();
    write_file("stat", STAT_OF("4711"));
    write_file("statm", "30141 1000 300 1 0 500 0\n");
    write_file("status", "Name:\ta\nUmask:\t0022\nVmPeak:\t  999999 kB\nVmHWM:\t    5678 kB\nVmRSS:\t 4000 kB\n");
    write_file("limits",
               "Limit                     Soft Limit           Hard Limit           Units     \n"
               "Max cpu time              unlimited            unlimited            seconds   \n"
               "Max open files            1024                 1048576              files     \n");
    write_file("system", "cpu  1 2 3\nintr 99 0 0\nctxt 7\nbtime 1795248172\nprocesses 1\n");
    write_file("fd/0", "");
    read_scratch();
    remove_directory();
    ck_assert_uint_eq(account.resident_bytes, 1000 * 4096);
    ck_assert_uint_eq(account.peak_resident_bytes, 5678 * 1024);
    ck_assert_uint_eq(account.virtual_bytes, 123456789);
    ck_assert_uint_eq(account.cpu_ns, UINT64_C(4000000000)); /* 400 ticks of 10 ms */
    ck_assert_uint_eq(account.start_ns, UINT64_C(1795248219110000000));
    ck_assert_uint_eq(account.max_fds, 1024);
    ck_assert_uint_eq(account.usage.fds, 1);
    ck_assert_uint_eq(account.usage.majflt, 77);
    ck_assert_uint_eq(account.usage.process_threads, 5);
    ck_assert_uint_eq(account.usage.pss | account.usage.swap, 0);
}
END_TEST

START_TEST(what_is_not_there_is_nothing)
{
    struct ml_os_account nothing;
    memset(&nothing, 0, sizeof(nothing));
    make_directory();
    read_scratch();
    ck_assert_mem_eq(&account, &nothing, sizeof(nothing));
    write_file("stat", "4242 (cut");
    write_file("limits", "Limit\nMax open file");
    write_file("system", "btime");
    read_scratch();
    ck_assert_mem_eq(&account, &nothing, sizeof(nothing));
    /* Without the system's start, the process's is not known. */
    write_file("stat", STAT_OF("4711"));
    read_scratch();
    remove_directory();
    ck_assert_uint_eq(account.start_ns, 0);
    ck_assert_uint_eq(account.virtual_bytes, 123456789);
}
END_TEST

START_TEST(no_limit_of_descriptors_is_the_largest_number)
{
    make_directory();
    write_file("limits", "Limit\nMax open files            unlimited     unlimited     files\n");
    read_scratch();
    remove_directory();
    ck_assert_uint_eq(account.max_fds, UINT64_MAX);
}
END_TEST

/* Wherever a piece of the file ends: in the line's name, in its number, before its end. */
START_TEST(the_systems_start_is_found_behind_lines_of_any_length)
{
    static char content[8192];
    make_directory();
    write_file("stat", STAT_OF("100"));
    for (int before = 4040; before < 4110; before++) {
        snprintf(content, sizeof(content), "intr%*d\nbtime 1795248172\nprocesses 5\n", before, 7);
        write_file("system", content);
        read_scratch();
        ck_assert_msg(account.start_ns == UINT64_C(1795248173000000000), "behind %d bytes: %llu",
                      before, (unsigned long long)account.start_ns);
    }
    remove_directory();
}
END_TEST

START_TEST(this_process_is_told_of)
{
    struct ml_os_account again;
    struct rlimit limit;
    enum { MORE = 64 << 20 };
    uint64_t now = ml_os_realtime_ns();
    ml_os_account_read("/proc/self", &account);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_uint_eq(account.max_fds, limit.rlim_cur);
    /* It was started a moment ago; the system's start is known to a second. */
    ck_assert_uint_le(account.start_ns, now + 2 * UINT64_C(1000000000));
    ck_assert_uint_ge(account.start_ns, now - 200 * UINT64_C(1000000000));
    ck_assert_uint_ge(account.virtual_bytes, account.resident_bytes);
    ck_assert_uint_ge(account.resident_bytes, 4096);

    char *memory = mmap(NULL, MORE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    memset(memory, 1, MORE);
    while (ml_os_thread_cpu_ns() < 50 * ML_NS_PER_MS)
        memset(memory, 2, 4096);
    int fd = open("/dev/null", O_RDONLY);
    ml_os_account_read("/proc/self", &again);
    close(fd);
    ck_assert_uint_eq(again.start_ns, account.start_ns);
    ck_assert_uint_ge(again.virtual_bytes, account.virtual_bytes + MORE);
    ck_assert_uint_ge(again.resident_bytes, account.resident_bytes + MORE / 2);
    ck_assert_uint_ge(again.cpu_ns, 20 * ML_NS_PER_MS);
    ck_assert_uint_eq(again.usage.fds, account.usage.fds + 1);
}
END_TEST

START_TEST(another_process_is_told_of_by_its_number)
{
    int ends[2];
    char byte, proc[32];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    snprintf(proc, sizeof(proc), "/proc/%d", (int)child);
    ml_os_account_read(proc, &account);
    close(ends[1]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_uint_ge(account.resident_bytes, 4096);
    ck_assert_uint_ne(account.start_ns, 0);
    ck_assert_uint_eq(account.usage.process_threads, 1);
    ml_os_account_read(proc, &account);
    ck_assert_uint_eq(account.resident_bytes | account.start_ns | account.usage.fds, 0);
}
END_TEST

UNIT_MAIN("os account", files_are_read_as_the_kernel_writes_them, what_is_not_there_is_nothing,
          no_limit_of_descriptors_is_the_largest_number,
          the_systems_start_is_found_behind_lines_of_any_length, this_process_is_told_of,
          another_process_is_told_of_by_its_number)
