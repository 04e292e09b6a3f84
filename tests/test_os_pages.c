/* SPDX-License-Identifier: MIT */
/* test_os_pages.c - reserve, commit, release, and what happens at the limits. */
#include "os/pages.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/process.h"
#include "os/segments.h"
#include "unit.h"

static const size_t MIB = 1024 * 1024;

static bool is_zero(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static bool is_resident(void *page)
{
    unsigned char state = 0;
    ck_assert_int_eq(mincore(page, ml_os_page_bytes(), &state), 0);
    return state & 1;
}

static void limit(int resource, rlim_t value)
{
    struct rlimit wanted;
    ck_assert_int_eq(getrlimit(resource, &wanted), 0);
    wanted.rlim_cur = value;
    ck_assert_int_eq(setrlimit(resource, &wanted), 0);
}

START_TEST(page_size_is_the_systems)
{
    ck_assert_uint_eq(ml_os_page_bytes(), (size_t)sysconf(_SC_PAGESIZE));
    ck_assert_uint_eq(ml_os_page_bytes(), (size_t)sysconf(_SC_PAGESIZE));
}
END_TEST

START_TEST(reservations_begin_at_two_mib)
{
    for (size_t bytes = 4096; bytes <= 64 * MIB; bytes = bytes * 3 + 4096) {
        void *address = ml_os_reserve(bytes);
        ck_assert_ptr_nonnull(address);
        ck_assert_uint_eq((uintptr_t)address % (2 * MIB), 0);
    }
}
END_TEST

START_TEST(reservation_is_trimmed_to_what_was_asked)
{
    uint64_t before = ml_os_mapped_bytes();
    void *address = ml_os_reserve(8 * MIB);
    ck_assert_ptr_nonnull(address);
    ck_assert_uint_eq(ml_os_mapped_bytes() - before, 8 * MIB);
    ml_os_unmap(address, 8 * MIB);
    ck_assert_uint_eq(ml_os_mapped_bytes(), before);
}
END_TEST

START_TEST(a_terabyte_can_be_reserved_without_memory)
{
    void *address = ml_os_reserve((size_t)1 << 40);
    ck_assert_ptr_nonnull(address);
    ml_os_unmap(address, (size_t)1 << 40);
}
END_TEST

START_TEST(reserving_too_much_or_nothing_gives_null)
{
    errno = EDOM;
    ck_assert_ptr_null(ml_os_reserve(SIZE_MAX));
    ck_assert_ptr_null(ml_os_reserve(SIZE_MAX - 2 * MIB));
    ck_assert_ptr_null(ml_os_reserve((size_t)1 << 50));
    ck_assert_ptr_null(ml_os_reserve(0));
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

START_TEST(reserved_memory_cannot_be_touched)
{
    char *address = ml_os_reserve(2 * MIB);
    uintptr_t begin, end;
    ck_assert(!ml_os_mapping_around((uintptr_t)address, &begin, &end));
}
END_TEST

START_TEST(committed_memory_is_zero_and_writable)
{
    char *address = ml_os_reserve(4 * MIB);
    ck_assert_int_eq(ml_os_commit(address, MIB), 0);
    ck_assert(is_zero(address, MIB));
    memset(address, 1, MIB);
    ck_assert_int_eq(ml_os_commit(address + MIB, MIB), 0);
    ck_assert(is_zero(address + MIB, MIB));
    ck_assert_int_eq(address[MIB - 1], 1);
}
END_TEST

START_TEST(committing_needs_no_memory_until_it_is_touched)
{
    char *address = ml_os_reserve(2 * MIB);
    ck_assert_int_eq(ml_os_commit(address, MIB), 0);
    ck_assert(!is_resident(address));
    address[0] = 1;
    ck_assert(is_resident(address));
}
END_TEST

START_TEST(growing_a_commit_upwards_keeps_it_one_mapping)
{
    char *address = ml_os_reserve(4 * MIB);
    for (size_t at = 0; at < 2 * MIB; at += 64 * 1024)
        ck_assert_int_eq(ml_os_commit(address + at, 64 * 1024), 0);
    ck_assert_int_eq(ml_os_release(address + MIB, 64 * 1024), 0);
    uintptr_t begin, end;
    ck_assert(ml_os_mapping_around((uintptr_t)address, &begin, &end));
    ck_assert_uint_ge(end, (uintptr_t)address + 2 * MIB);
}
END_TEST

START_TEST(released_memory_is_given_back_and_reads_as_zero)
{
    char *address = ml_os_reserve(2 * MIB);
    ck_assert_int_eq(ml_os_commit(address, 2 * MIB), 0);
    memset(address, 7, 2 * MIB);
    ck_assert_int_eq(ml_os_release(address + MIB, MIB), 0);
    ck_assert(!is_resident(address + MIB));
    ck_assert(is_zero(address + MIB, MIB));
    ck_assert_int_eq(address[MIB - 1], 7);
    address[MIB] = 1;
}
END_TEST

START_TEST(failures_are_told_and_leave_errno_alone)
{
    char *address = ml_os_map(ml_os_page_bytes());
    ml_os_unmap(address, ml_os_page_bytes());
    errno = EDOM;
    ck_assert_int_eq(ml_os_commit(address, ml_os_page_bytes()), -ENOMEM);
    ck_assert_int_eq(ml_os_release(address, ml_os_page_bytes()), -ENOMEM);
    ck_assert_int_eq(ml_os_release(address + 1, ml_os_page_bytes()), -EINVAL);
    ck_assert_ptr_null(ml_os_map((size_t)1 << 50));
    ck_assert_ptr_null(ml_os_map(SIZE_MAX));
    ck_assert_ptr_null(ml_os_map(0));
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

START_TEST(commit_beyond_the_data_limit_fails_with_an_errno)
{
    char *address = ml_os_reserve(64 * MIB);
    limit(RLIMIT_DATA, ml_os_page_bytes());
    ck_assert_int_eq(ml_os_commit(address, 64 * MIB), -ENOMEM);
    uintptr_t begin, end;
    ck_assert(!ml_os_mapping_around((uintptr_t)address, &begin, &end));
}
END_TEST

START_TEST(mapped_memory_is_zero_and_of_its_own)
{
    size_t page = ml_os_page_bytes();
    uint64_t before = ml_os_mapped_bytes();
    char *address = ml_os_map(3 * page + 1);
    ck_assert_ptr_nonnull(address);
    ck_assert_uint_eq((uintptr_t)address % page, 0);
    ck_assert_uint_eq(ml_os_mapped_bytes() - before, 4 * page);
    ck_assert(is_zero(address, 4 * page));
    memset(address, 1, 4 * page);
    ml_os_unmap(address, 3 * page + 1);
    ck_assert_uint_eq(ml_os_mapped_bytes(), before);
}
END_TEST

START_TEST(address_space_is_unlimited_by_default)
{
    limit(RLIMIT_AS, RLIM_INFINITY);
    ck_assert_uint_eq(ml_os_address_space_left(), SIZE_MAX);
}
END_TEST

START_TEST(address_space_left_is_what_can_be_mapped)
{
    limit(RLIMIT_AS, ml_os_mapped_bytes() + 64 * MIB);
    size_t left = ml_os_address_space_left();
    ck_assert_uint_le(left, 64 * MIB);
    ck_assert_uint_ge(left, 63 * MIB);
    ck_assert_ptr_null(ml_os_map(left + ml_os_page_bytes()));
    ck_assert_ptr_null(ml_os_reserve(left + ml_os_page_bytes()));
    ck_assert_ptr_nonnull(ml_os_map(left));
    ck_assert_uint_eq(ml_os_address_space_left(), 0);
}
END_TEST

START_TEST(a_limit_below_what_is_mapped_leaves_nothing)
{
    limit(RLIMIT_AS, ml_os_page_bytes());
    ck_assert_uint_eq(ml_os_address_space_left(), 0);
}
END_TEST

/* As the system and debuggers see it: "dd" among the mapping's flags. */
static bool is_left_out_of_cores(void *address)
{
    char line[512], flags[512] = "";
    bool is_it = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    ck_assert_ptr_nonnull(maps);
    while (flags[0] == '\0' && fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t begin, end;
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            is_it = (uintptr_t)address >= begin && (uintptr_t)address < end;
        else if (is_it && strncmp(line, "VmFlags:", 8) == 0)
            strcpy(flags, line);
    }
    fclose(maps);
    ck_assert_str_ne(flags, "");
    return strstr(flags, " dd") != NULL;
}

START_TEST(core_files_hold_what_is_committed_and_no_more)
{
    char *range = ml_os_reserve(64 * MIB);
    ck_assert_int_eq(ml_os_commit(range, MIB), 0);
    ck_assert_int_eq(ml_os_commit(range + MIB, MIB), 0);
    ck_assert_int_eq(ml_os_commit_scratch(range + 32 * MIB, MIB), 0);
    range[32 * MIB] = 1;
    ck_assert(!is_left_out_of_cores(range));
    ck_assert(!is_left_out_of_cores(range + 2 * MIB - 1));
    ck_assert(is_left_out_of_cores(range + 2 * MIB));
    ck_assert(is_left_out_of_cores(range + 32 * MIB));
    ck_assert(is_left_out_of_cores(range + 64 * MIB - 1));
}
END_TEST

UNIT_MAIN("os pages", page_size_is_the_systems, reservations_begin_at_two_mib,
          reservation_is_trimmed_to_what_was_asked, a_terabyte_can_be_reserved_without_memory,
          reserving_too_much_or_nothing_gives_null, reserved_memory_cannot_be_touched,
          committed_memory_is_zero_and_writable, committing_needs_no_memory_until_it_is_touched,
          growing_a_commit_upwards_keeps_it_one_mapping,
          released_memory_is_given_back_and_reads_as_zero,
          failures_are_told_and_leave_errno_alone,
          commit_beyond_the_data_limit_fails_with_an_errno, mapped_memory_is_zero_and_of_its_own,
          address_space_is_unlimited_by_default, address_space_left_is_what_can_be_mapped,
          a_limit_below_what_is_mapped_leaves_nothing, core_files_hold_what_is_committed_and_no_more)
