/* SPDX-License-Identifier: MIT */
/* test_os_written.c - which writes are recorded, and what a scan names. */
#include "os/written.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/segments.h"
#include "written_unit.h"

static long minor_faults(void)
{
    struct rusage usage;
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_minflt;
}

static size_t page_table_kib(void)
{
    char status[4096];
    ck_assert_int_gt(ml_os_read_file("/proc/self/status", status, sizeof(status)), 0);
    const char *line = strstr(status, "VmPTE:");
    ck_assert_ptr_nonnull(line);
    return strtoul(line + strlen("VmPTE:"), NULL, 10);
}

/* --- who writes ------------------------------------------------------------ */

START_TEST(an_armed_page_is_not_written)
{
    struct area area = armed_area(8);
    ck_assert_str_eq(scan(area, GET), "........");
    ck_assert_str_eq(scan(area, REARM), "........");
}
END_TEST

START_TEST(a_written_page_is_named_until_it_is_armed_again)
{
    struct area area = armed_area(8);
    *page_of(area, 2) = 2;
    *page_of(area, 5) = 2;
    *page_of(area, 6) = 2;
    ck_assert_str_eq(scan(area, GET), "..1..11.");
    ck_assert_str_eq(scan(area, REARM), "..1..11.");
    ck_assert_str_eq(scan(area, REARM), "........");
    *page_of(area, 5) = 3;
    ck_assert_str_eq(scan(area, GET), ".....1..");
    arm(area);
    ck_assert_str_eq(scan(area, GET), "........");
    ck_assert_int_eq(*page_of(area, 5), 3);
}
END_TEST

START_TEST(a_read_is_no_write_and_the_same_value_is_one)
{
    struct area area = armed_area(4);
    volatile char *page = page_of(area, 1);
    ck_assert_int_eq(*page, 1);
    ck_assert_str_eq(scan(area, GET), "....");
    *page = 1;
    ck_assert_str_eq(scan(area, GET), ".1..");
}
END_TEST

START_TEST(a_write_over_a_boundary_is_in_both_pages)
{
    struct area area = armed_area(8);
    struct { uint64_t value; } __attribute__((packed)) *across = (void *)(page_of(area, 2) - 4);
    across->value = 1;
    page_of(area, 5)[-1] = 2;
    ck_assert_str_eq(scan(area, REARM), ".11.1...");
    page_of(area, 5)[0] = 2;
    ck_assert_str_eq(scan(area, REARM), ".....1..");
}
END_TEST

START_TEST(only_the_scanned_range_is_named_and_armed_again)
{
    struct area area = armed_area(8);
    touch(area);
    struct area middle = { page_of(area, 3), 2 };
    ck_assert_str_eq(scan(middle, REARM), "11");
    ck_assert_str_eq(scan(area, GET), "111..111");
    arm((struct area){ page_of(area, 6), 1 });
    ck_assert_str_eq(scan(area, GET), "111..1.1");
}
END_TEST

START_TEST(what_the_kernel_writes_is_recorded)
{
    struct area area = armed_area(8);
    int ends[2];
    char bytes[8192] = "bytes";
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], bytes, 100), 100);
    ck_assert_int_eq(read(ends[0], page_of(area, 1), 100), 100);
    ck_assert_str_eq(page_of(area, 1), "bytes");
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(send(ends[1], bytes, page_bytes() + 2, 0), page_bytes() + 2);
    ck_assert_int_eq(recv(ends[0], page_of(area, 5) - 1, page_bytes() + 2, MSG_WAITALL),
                     page_bytes() + 2);
    ck_assert_str_eq(scan(area, GET), ".1..111.");
}
END_TEST

START_TEST(atomic_operations_are_recorded)
{
    struct area area = armed_area(6);
    uint64_t expected = 1;
    __atomic_fetch_add((uint64_t *)page_of(area, 0), 1, __ATOMIC_SEQ_CST);
    __atomic_exchange_n((uint64_t *)page_of(area, 2), 7, __ATOMIC_ACQUIRE);
    ck_assert(__atomic_compare_exchange_n((uint64_t *)page_of(area, 3), &expected, 9, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    __atomic_store_n(page_of(area, 5), 2, __ATOMIC_RELEASE);
    ck_assert_str_eq(scan(area, GET), "1.11.1");
}
END_TEST

static void *write_third_page(void *argument)
{
    const struct area *area = argument;
    *page_of(*area, 2) = 5;
    return NULL;
}

START_TEST(what_another_thread_writes_is_recorded)
{
    struct area area = armed_area(4);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, write_third_page, &area), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(scan(area, GET), "..1.");
}
END_TEST

START_TEST(every_page_of_a_long_write_is_named)
{
    struct area area = armed_area(3000);
    memset(page_of(area, 500), 3, 2000 * page_bytes());
    const char *text = scan(area, REARM);
    ck_assert_uint_eq(strspn(text, "."), 500);
    ck_assert_uint_eq(strspn(text + 500, "1"), 2000);
    ck_assert_uint_eq(strspn(text + 2500, "."), 500);
}
END_TEST

/* --- pages that are not there ------------------------------------------------ */

START_TEST(the_first_touch_of_memory_is_recorded)
{
    struct area area = untouched_area(8);
    arm(area);
    scan(area, REARM); /* what is not there may be named once */
    ck_assert_str_eq(scan(area, REARM), "........");
    *page_of(area, 3) = 1;
    ck_assert_str_eq(scan(area, REARM), "...1....");
    *page_of(area, 4) = 1;
    *page_of(area, 3) = 1;
    ck_assert_str_eq(scan(area, REARM), "...11...");
    ck_assert_str_eq(scan(area, REARM), "........");
}
END_TEST

START_TEST(a_write_after_the_first_read_is_recorded)
{
    struct area area = untouched_area(4);
    arm(area);
    ck_assert_int_eq(*(volatile char *)page_of(area, 1), 0);
    scan(area, REARM);
    ck_assert_str_eq(scan(area, REARM), "....");
    *page_of(area, 1) = 1;
    ck_assert_str_eq(scan(area, REARM), ".1..");
}
END_TEST

START_TEST(released_memory_is_written_when_it_is_touched_again)
{
    struct area area = armed_area(8);
    ck_assert_int_eq(ml_os_release(page_of(area, 2), 4 * page_bytes()), 0);
    ck_assert_str_eq(scan(area, GET), "..1111..");
    ck_assert_str_eq(scan(area, REARM), "..1111..");
    ck_assert_str_eq(scan(area, REARM), "........");
    *page_of(area, 3) = 1;
    ck_assert_str_eq(scan(area, REARM), "...1....");
    *page_of(area, 3) = 2;
    *page_of(area, 4) = 2;
    ck_assert_str_eq(scan(area, REARM), "...11...");
}
END_TEST

START_TEST(arming_untouched_memory_makes_no_page_tables)
{
    enum { PAGES = 256 << 10 };
    struct area area = untouched_area(PAGES);
    size_t before = page_table_kib();
    arm(area);
    ck_assert_uint_le(page_table_kib(), before + 64);
    scan(area, GET);
    ck_assert_uint_le(page_table_kib(), before + 64);
}
END_TEST

/* --- mappings that change ------------------------------------------------------ */

START_TEST(what_is_committed_later_is_added_and_one_mapping)
{
    struct area area = armed_area(4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(ml_os_commit(page_of(area, 4 + i), page_bytes()), 0);
    struct area grown = { area.begin, 8 };
    uintptr_t begin, end;
    ck_assert(ml_os_mapping_around(begin_of(area), &begin, &end));
    ck_assert_uint_eq(begin, begin_of(grown));
    ck_assert_uint_eq(end, end_of(grown));
    ck_assert_str_eq(scan(grown, REARM), "....1111");
    *page_of(grown, 1) = 1;
    *page_of(grown, 6) = 1;
    ck_assert_str_eq(scan(grown, REARM), ".1....1.");
    *page_of(grown, 7) = 1;
    arm(grown);
    ck_assert_str_eq(scan(grown, GET), "........");
    *page_of(grown, 7) = 2;
    ck_assert_str_eq(scan(grown, GET), ".......1");
}
END_TEST

START_TEST(what_is_not_added_cannot_be_scanned_by_mistake)
{
    struct area area = armed_area(8);
    ck_assert_int_eq(ml_os_written_remove(&written, (uintptr_t)page_of(area, 4),
                                          begin_of(area) + 4 * 8 * page_bytes()),
                     0);
    ck_assert_int_eq(scan_result(area, GET), -EPERM);
    ck_assert_int_eq(scan_result(area, REARM), -EPERM);
    ck_assert_int_eq(ml_os_written_arm(&written, begin_of(area), end_of(area)), -EPERM);
    ck_assert_int_eq(ml_os_written_add(&written, begin_of(area), end_of(area)), 0);
    arm(area);
    *page_of(area, 6) = 2;
    ck_assert_str_eq(scan(area, GET), "......1.");
}
END_TEST

START_TEST(a_neighbour_that_moves_takes_nothing_along)
{
    struct area area = armed_area(8);
    struct area neighbour = { page_of(area, 4), 4 };
    char *place = ml_os_map(8 * page_bytes());
    char *moved = mremap(neighbour.begin, 4 * page_bytes(), 4 * page_bytes(),
                         MREMAP_MAYMOVE | MREMAP_FIXED, place);
    ck_assert_ptr_eq(moved, place);
    ck_assert_int_eq(scan_result((struct area){ moved, 4 }, GET), -EPERM);
    moved[0] = 2;
    area.pages = 4;
    ck_assert_str_eq(scan(area, REARM), "....");
    *page_of(area, 3) = 2;
    ck_assert_str_eq(scan(area, REARM), "...1");
}
END_TEST

START_TEST(a_huge_page_is_recorded_in_small_ones_once_it_is_written)
{
    enum { PAGES = 2 * ML_OS_HUGE_PAGE_BYTES / 4096 };
    struct area area = untouched_area(PAGES);
    ml_os_prefer_huge_pages(area.begin, 2 * ML_OS_HUGE_PAGE_BYTES);
    arm(area);
    *page_of(area, PAGES / 2) = 1;
    ck_assert_int_eq(scan(area, GET)[PAGES / 2], '1');
    touch(area);
    arm(area);
    ck_assert_uint_eq(strspn(scan(area, GET), "."), PAGES);
    *page_of(area, 700) = 2;
    *page_of(area, 701) = 2;
    const char *text = scan(area, REARM);
    ck_assert_uint_eq(strspn(text, "."), 700);
    ck_assert_uint_eq(strspn(text + 700, "1"), 2);
    ck_assert_uint_eq(strspn(text + 702, "."), PAGES - 702);
    ck_assert_uint_eq(strspn(scan(area, REARM), "."), PAGES);
}
END_TEST

START_TEST(a_part_of_a_huge_page_is_armed_alone)
{
    enum { PAGES = ML_OS_HUGE_PAGE_BYTES / 4096 };
    struct area area = untouched_area(PAGES);
    ml_os_prefer_huge_pages(area.begin, ML_OS_HUGE_PAGE_BYTES);
    touch(area);
    struct area part = { page_of(area, 100), 10 };
    arm(part);
    ck_assert_str_eq(scan(part, GET), "..........");
    *page_of(part, 4) = 2;
    ck_assert_str_eq(scan(part, GET), "....1.....");
    ck_assert_uint_eq(strspn(scan(area, GET), "1"), 100);
}
END_TEST

/* --- scanning --------------------------------------------------------------------- */

START_TEST(no_run_is_lost_however_few_fit)
{
    enum { PAGES = 5000 };
    static const size_t runs[] = { 1, 2, 3, 7, ML_OS_WRITTEN_RUNS, 1000 };
    struct area area = armed_area(PAGES);
    char expected[PAGES + 1] = "";
    uint32_t random = 1;
    memset(expected, '.', PAGES);
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        for (size_t page = 0; page < PAGES; page += 1 + (random >> 16) % 5) {
            random = random * 1103515245 + 12345;
            *page_of(area, page) = 2;
            expected[page] = '1';
        }
        *page_of(area, PAGES - 1) = 2;
        expected[PAGES - 1] = '1';
        ck_assert_str_eq(scan_by(area, runs[i], GET), expected);
        ck_assert_str_eq(scan_by(area, runs[i], REARM), expected);
        memset(expected, '.', PAGES);
        ck_assert_str_eq(scan_by(area, runs[i], REARM), expected);
    }
}
END_TEST

static void write_and_scan(uintptr_t begin, uintptr_t end, void *argument)
{
    const struct area *area = argument;
    *(char *)begin = 4;
    ck_assert_uint_eq(end - begin, page_bytes());
    ck_assert_int_eq(scan(*area, GET)[(begin - begin_of(*area)) / page_bytes()], '1');
}

START_TEST(a_visitor_may_write_and_scan)
{
    struct area area = armed_area(8);
    *page_of(area, 2) = 2;
    *page_of(area, 4) = 2;
    ck_assert_int_eq(ml_os_written_scan_by(&written, 1, begin_of(area), end_of(area), REARM,
                                           write_and_scan, &area),
                     2);
    ck_assert_str_eq(scan(area, REARM), "..1.1...");
}
END_TEST

START_TEST(disarmed_memory_faults_no_more)
{
    enum { PAGES = 1000 };
    struct area area = armed_area(PAGES);
    long before = minor_faults();
    touch(area);
    ck_assert_int_ge(minor_faults() - before, PAGES);
    arm(area);
    ck_assert_int_eq(ml_os_written_disarm(&written, begin_of(area), end_of(area)), 0);
    before = minor_faults();
    touch(area);
    ck_assert_int_lt(minor_faults() - before, PAGES / 10);
    ck_assert_uint_eq(strspn(scan(area, GET), "1"), PAGES);
}
END_TEST

START_TEST(removed_memory_faults_no_more)
{
    enum { PAGES = 1000 };
    struct area area = armed_area(PAGES);
    ck_assert_int_eq(ml_os_written_remove(&written, begin_of(area), end_of(area)), 0);
    long before = minor_faults();
    touch(area);
    ck_assert_int_lt(minor_faults() - before, PAGES / 10);
}
END_TEST

START_TEST(failures_are_told_and_leave_errno_alone)
{
    struct area area = armed_area(4);
    struct ml_os_written closed = ML_OS_WRITTEN_CLOSED;
    uintptr_t begin = begin_of(area), end = end_of(area);
    char *other = ml_os_map(page_bytes());
    uintptr_t foreign = (uintptr_t)other, foreign_end = foreign + page_bytes();
    errno = EDOM;
    ck_assert_int_eq(ml_os_written_add(&closed, begin, end), -EBADF);
    ck_assert_int_eq(ml_os_written_remove(&closed, begin, end), -EBADF);
    ck_assert_int_eq(ml_os_written_arm(&closed, begin, end), -EBADF);
    ck_assert_int_eq(ml_os_written_disarm(&closed, begin, end), -EBADF);
    ck_assert_int_eq(ml_os_written_scan(&closed, begin, end, GET, ignore, NULL), -EBADF);
    ck_assert_int_eq(ml_os_written_add(&written, begin + 1, end), -EINVAL);
    ck_assert_int_eq(ml_os_written_arm(&written, begin + 1, end), -EINVAL);
    ck_assert_int_eq(ml_os_written_scan(&written, begin + 1, end, GET, ignore, NULL), -EINVAL);
    ck_assert_int_eq(ml_os_written_disarm(&written, foreign, foreign_end), -ENOENT);
    ml_os_unmap(other, page_bytes());
    ck_assert_int_lt(ml_os_written_add(&written, foreign, foreign_end), 0);
    ck_assert_int_eq(ml_os_written_scan(&written, begin, begin, REARM, ignore, NULL), 0);
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

UNIT_MAIN("os written", an_armed_page_is_not_written,
          a_written_page_is_named_until_it_is_armed_again,
          a_read_is_no_write_and_the_same_value_is_one, a_write_over_a_boundary_is_in_both_pages,
          only_the_scanned_range_is_named_and_armed_again, what_the_kernel_writes_is_recorded,
          atomic_operations_are_recorded, what_another_thread_writes_is_recorded,
          every_page_of_a_long_write_is_named, the_first_touch_of_memory_is_recorded,
          a_write_after_the_first_read_is_recorded,
          released_memory_is_written_when_it_is_touched_again,
          arming_untouched_memory_makes_no_page_tables,
          what_is_committed_later_is_added_and_one_mapping,
          what_is_not_added_cannot_be_scanned_by_mistake,
          a_neighbour_that_moves_takes_nothing_along,
          a_huge_page_is_recorded_in_small_ones_once_it_is_written,
          a_part_of_a_huge_page_is_armed_alone, no_run_is_lost_however_few_fit,
          a_visitor_may_write_and_scan, disarmed_memory_faults_no_more,
          removed_memory_faults_no_more, failures_are_told_and_leave_errno_alone)
