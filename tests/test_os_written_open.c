/* SPDX-License-Identifier: MIT */
/* test_os_written_open.c - opening where something forbids it, closing, and
 * what a fork leaves to whom. */
#include "os/written.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "written_unit.h"

enum { NOBODY = 65534, ANY_REQUEST = -1 };

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* Opening fails so, leaves nothing open or mapped, and errno alone. */
static void assert_open_fails(int result, const char *expected_reason)
{
    const char *reason = NULL;
    int before = open_descriptors();
    uint64_t mapped = ml_os_mapped_bytes();
    errno = EDOM;
    ck_assert_int_eq(ml_os_written_open(&written, &reason), result);
    ck_assert_int_eq(errno, EDOM);
    ck_assert_str_eq(reason, expected_reason);
    ck_assert_int_eq(written.protector.fd, -1);
    ck_assert_int_eq(written.pagemap.fd, -1);
    ck_assert_int_eq(open_descriptors(), before);
    ck_assert_uint_eq(ml_os_mapped_bytes(), mapped);
}

static void assert_opens(void)
{
    const char *reason = NULL;
    ck_assert_int_eq(ml_os_written_open(&written, &reason), 0);
}

/* --- opening ----------------------------------------------------------------- */

START_TEST(descriptors_are_out_of_the_way_and_closed_on_exec)
{
    int before = open_descriptors();
    uint64_t mapped = ml_os_mapped_bytes();
    errno = EDOM;
    assert_opens();
    ck_assert_int_eq(errno, EDOM);
    ck_assert_int_eq(open_descriptors(), before + 2);
    ck_assert_uint_eq(ml_os_mapped_bytes(), mapped);
    ck_assert_int_ge(written.protector.fd, 64);
    ck_assert_int_ge(written.pagemap.fd, 64);
    ck_assert_int_eq(fcntl(written.protector.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(written.pagemap.fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(standard_descriptors_are_not_taken)
{
    close(STDIN_FILENO);
    assert_opens();
    ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
}
END_TEST

static void limit_descriptors(rlim_t count)
{
    struct rlimit limit = { count, count };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The number of the descriptor that open gives next. */
static rlim_t next_descriptor(void)
{
    int fd = dup(STDERR_FILENO);
    ck_assert_int_ge(fd, 0);
    close(fd);
    return (rlim_t)fd;
}

START_TEST(few_descriptors_suffice)
{
    limit_descriptors(next_descriptor() + 2);
    assert_opens();
    ck_assert_int_lt(written.protector.fd, 64);
}
END_TEST

START_TEST(no_descriptor_left_for_either_is_told)
{
    limit_descriptors(next_descriptor() + 1);
    assert_open_fails(-EMFILE, "/proc/self/pagemap");
    limit_descriptors(next_descriptor());
    assert_open_fails(-EMFILE, "userfaultfd");
}
END_TEST

/* From now on this system call, with this second argument or any, does nothing
 * and has that result. */
static void deny(long number, long request, int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)request, 0, request == ANY_REQUEST ? 0 : 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(seccomp_that_forbids_userfaultfd_is_told)
{
    deny(SYS_userfaultfd, ANY_REQUEST, EPERM);
    assert_open_fails(-EPERM, "userfaultfd (seccomp may forbid it)");
}
END_TEST

START_TEST(a_kernel_without_userfaultfd_is_told)
{
    deny(SYS_userfaultfd, ANY_REQUEST, ENOSYS);
    assert_open_fails(-ENOSYS, "userfaultfd");
}
END_TEST

START_TEST(a_kernel_without_asynchronous_protection_is_told)
{
    deny(SYS_ioctl, (long)UFFDIO_API, EINVAL);
    assert_open_fails(-EINVAL, "userfaultfd that lets writes go on (Linux 6.7)");
}
END_TEST

static const char trial[] = "a trial of userfaultfd and PAGEMAP_SCAN (Linux 6.7)";

START_TEST(a_kernel_without_pagemap_scan_is_told)
{
    deny(SYS_ioctl, (long)PAGEMAP_SCAN_OF_96_BYTES, ENOTTY);
    assert_open_fails(-ENOTTY, trial);
}
END_TEST

START_TEST(success_without_effect_is_not_believed)
{
    deny(SYS_ioctl, (long)UFFDIO_REGISTER, 0);
    assert_open_fails(-EPERM, trial);
    deny(SYS_ioctl, (long)PAGEMAP_SCAN_OF_96_BYTES, 0);
    assert_open_fails(-EIO, trial);
}
END_TEST

START_TEST(a_wrong_answer_is_not_believed)
{
    deny(SYS_pread64, ANY_REQUEST, 0);
    assert_open_fails(-ENOTSUP, trial);
}
END_TEST

static void drop_root(void)
{
    if (geteuid() == 0)
        ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
}

START_TEST(nobody_may_open)
{
    drop_root();
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
    assert_opens();
}
END_TEST

START_TEST(a_process_that_may_not_be_dumped_may_not_open)
{
    drop_root();
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 0);
    const char *reason = NULL;
    ck_assert_int_eq(ml_os_written_open(&written, &reason), -EACCES);
    ck_assert_str_eq(reason, "/proc/self/pagemap");
}
END_TEST

START_TEST(what_was_opened_before_goes_on_without_privileges)
{
    struct area area = armed_area(4);
    drop_root();
    ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 0);
    *page_of(area, 2) = 2;
    ck_assert_str_eq(scan(area, REARM), "..1.");
    ck_assert_str_eq(scan(area, REARM), "....");
}
END_TEST

/* --- closing ------------------------------------------------------------------ */

START_TEST(closing_ends_it_and_twice_is_once)
{
    int before = open_descriptors();
    struct area area = armed_area(4);
    ml_os_written_close(&written);
    ck_assert_int_eq(open_descriptors(), before);
    ck_assert_int_eq(scan_result(area, GET), -EBADF);
    ml_os_written_close(&written);
    assert_opens();
    ck_assert_int_eq(scan_result(area, GET), -EPERM);
    ck_assert_int_eq(ml_os_written_add(&written, begin_of(area), end_of(area)), 0);
    arm(area);
    *page_of(area, 1) = 2;
    ck_assert_str_eq(scan(area, GET), ".1..");
}
END_TEST

START_TEST(descriptors_the_program_took_are_not_closed)
{
    struct area area = armed_area(4);
    struct ml_os_written opened = written;
    ck_assert_int_eq(dup2(STDERR_FILENO, opened.pagemap.fd), opened.pagemap.fd);
    ck_assert_int_eq(scan_result(area, GET), -ENOTTY);
    ck_assert_int_eq(dup2(STDERR_FILENO, opened.protector.fd), opened.protector.fd);
    ck_assert_int_lt(ml_os_written_add(&written, begin_of(area), end_of(area)), 0);
    ml_os_written_close(&written);
    ck_assert_int_ne(fcntl(opened.protector.fd, F_GETFD), -1);
    ck_assert_int_ne(fcntl(opened.pagemap.fd, F_GETFD), -1);
}
END_TEST

START_TEST(a_protector_the_program_closed_is_noticed)
{
    struct area area = armed_area(4);
    close(written.protector.fd);
    ck_assert_int_eq(scan_result(area, GET), -EPERM);
    ck_assert_int_eq(ml_os_written_arm(&written, begin_of(area), end_of(area)), -EPERM);
}
END_TEST

/* --- fork --------------------------------------------------------------------- */

static int status_of(pid_t child)
{
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In the child: its writes are its own, and so is what it opens. */
static int live_as_child(struct area area)
{
    *page_of(area, 3) = 2;
    int before = open_descriptors();
    ml_os_written_close(&written);
    if (open_descriptors() != before - 2)
        return 1;
    const char *reason;
    if (ml_os_written_open(&written, &reason) != 0)
        return 2;
    if (scan_result(area, GET) != -EPERM)
        return 3;
    if (ml_os_written_add(&written, begin_of(area), end_of(area)) != 0)
        return 4;
    arm(area);
    *page_of(area, 6) = 2;
    if (strcmp(scan(area, REARM), "......1.") != 0)
        return 5;
    ml_os_written_close(&written);
    return 0;
}

START_TEST(a_child_writes_and_opens_for_itself)
{
    struct area area = armed_area(8);
    *page_of(area, 1) = 2;
    pid_t child = fork();
    if (child == 0)
        _exit(live_as_child(area));
    ck_assert_int_eq(status_of(child), 0);
    *page_of(area, 5) = 2;
    ck_assert_str_eq(scan(area, REARM), ".1...1..");
    ck_assert_str_eq(scan(area, REARM), "........");
    *page_of(area, 5) = 3;
    ck_assert_str_eq(scan(area, REARM), ".....1..");
}
END_TEST

/* A child that lives until *life is closed, and is content when the page is
 * then as it was. */
static pid_t begin_child(int *life, const char *page)
{
    int ends[2];
    char before = *page, byte;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 && *page == before ? 0 : 1);
    }
    close(ends[0]);
    *life = ends[1];
    return child;
}

START_TEST(the_parent_goes_on_while_the_child_shares_its_pages)
{
    struct area area = armed_area(8);
    int life;
    *page_of(area, 1) = 2;
    pid_t child = begin_child(&life, page_of(area, 4));
    *page_of(area, 4) = 2;
    ck_assert_str_eq(scan(area, REARM), ".1..1...");
    ck_assert_str_eq(scan(area, REARM), "........");
    *page_of(area, 1) = 3;
    *page_of(area, 4) = 3;
    *page_of(area, 7) = 3;
    arm((struct area){ page_of(area, 7), 1 });
    ck_assert_str_eq(scan(area, REARM), ".1..1...");
    close(life);
    ck_assert_int_eq(status_of(child), 0);
    *page_of(area, 2) = 3;
    ck_assert_str_eq(scan(area, REARM), "..1.....");
}
END_TEST

START_TEST(ranges_removed_can_be_had_again_while_a_child_lives)
{
    struct area area = armed_area(4);
    int life;
    pid_t child = begin_child(&life, page_of(area, 0));
    ck_assert_int_eq(ml_os_written_remove(&written, begin_of(area), end_of(area)), 0);
    ml_os_written_close(&written);
    assert_opens();
    ck_assert_int_eq(ml_os_written_add(&written, begin_of(area), end_of(area)), 0);
    uintptr_t rest = end_of(area), rest_end = rest + 3 * 4 * page_bytes();
    ck_assert_int_eq(ml_os_written_add(&written, rest, rest_end), -EBUSY);
    close(life);
    ck_assert_int_eq(status_of(child), 0);
    ck_assert_int_eq(ml_os_written_add(&written, rest, rest_end), 0);
}
END_TEST

UNIT_MAIN("os written open", descriptors_are_out_of_the_way_and_closed_on_exec,
          standard_descriptors_are_not_taken, few_descriptors_suffice,
          no_descriptor_left_for_either_is_told, seccomp_that_forbids_userfaultfd_is_told,
          a_kernel_without_userfaultfd_is_told, a_kernel_without_asynchronous_protection_is_told,
          a_kernel_without_pagemap_scan_is_told, success_without_effect_is_not_believed,
          a_wrong_answer_is_not_believed, nobody_may_open,
          a_process_that_may_not_be_dumped_may_not_open,
          what_was_opened_before_goes_on_without_privileges, closing_ends_it_and_twice_is_once,
          descriptors_the_program_took_are_not_closed, a_protector_the_program_closed_is_noticed,
          a_child_writes_and_opens_for_itself,
          the_parent_goes_on_while_the_child_shares_its_pages,
          ranges_removed_can_be_had_again_while_a_child_lives)
