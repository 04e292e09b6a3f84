/* SPDX-License-Identifier: MIT */
/* test_os_cgroup.c - the memory limit of the container, wherever it is said, and how near
 * it is. */
#include <errno.h>

#include "os/cgroup.h"
#include "os_scratch.h"

static const size_t MIB = 1024 * 1024;

/* Below a folder of the scratch directory, which is gone then. */
static uint64_t limit_below(const char *root, const char *membership)
{
    char membership_path[PATH_MAX];
    write_file("membership", membership);
    snprintf(membership_path, sizeof(membership_path), "%s", path_of("membership"));
    uint64_t limit = ml_os_cgroup_limit_under(membership_path, path_of(root));
    remove_directory();
    return limit;
}

static uint64_t limit_under(const char *membership)
{
    return limit_below("", membership);
}

/* Where there is but one file. */
static uint64_t limit_of(const char *file, const char *content, const char *membership)
{
    make_directory();
    write_file(file, content);
    return limit_under(membership);
}

START_TEST(unified_limit_is_found)
{
    ck_assert_uint_eq(limit_of("user.slice/app.scope/memory.max", "536870912\n",
                               "0::/user.slice/app.scope\n"),
                      536870912);
}
END_TEST

START_TEST(the_word_max_is_no_limit)
{
    ck_assert_uint_eq(limit_of("app/memory.max", "max\n", "0::/app\n"), 0);
}
END_TEST

START_TEST(an_ancestors_tighter_limit_wins)
{
    make_directory();
    write_file("a/memory.max", "1000000\n");
    write_file("a/b/memory.max", "max\n");
    write_file("a/b/c/memory.max", "2000000\n");
    ck_assert_uint_eq(limit_under("0::/a/b/c\n"), 1000000);
}
END_TEST

START_TEST(the_groups_own_tighter_limit_wins)
{
    make_directory();
    write_file("a/memory.max", "3000000\n");
    write_file("a/b/memory.max", "2000000\n");
    ck_assert_uint_eq(limit_under("0::/a/b\n"), 2000000);
}
END_TEST

START_TEST(a_container_finds_its_limit_at_the_root)
{
    ck_assert_uint_eq(limit_of("memory.max", "4000000\n", "0::/\n"), 4000000);
}
END_TEST

START_TEST(a_path_that_is_not_mounted_falls_back_to_the_root)
{
    ck_assert_uint_eq(limit_of("memory/memory.limit_in_bytes", "5000000\n",
                               "3:memory:/docker/0123456789abcdef\n"),
                      5000000);
}
END_TEST

START_TEST(a_path_outside_of_the_namespace_is_not_followed)
{
    make_directory();
    write_file("outside/memory.max", "1000\n");
    write_file("inside/memory.max", "2000\n");
    ck_assert_uint_eq(limit_below("inside", "0::/../outside\n"), 2000);
}
END_TEST

START_TEST(version_one_limit_is_found_among_other_controllers)
{
    make_directory();
    write_file("memory/app/memory.limit_in_bytes", "6000000\n");
    write_file("memory/other/memory.limit_in_bytes", "1000\n");
    ck_assert_uint_eq(limit_under("12:pids:/other\n"
                                  "7:cpu,cpuacct:/other\n"
                                  "4:hugetlb,memory:/app\n"
                                  "3:mem:/other\n"
                                  "2:memoryless:/other\n"
                                  "1:name=systemd:/other\n"),
                      6000000);
}
END_TEST

START_TEST(version_one_says_no_limit_with_a_huge_number)
{
    make_directory();
    write_file("memory/app/memory.limit_in_bytes", "9223372036854771712\n");
    write_file("memory/memory.limit_in_bytes", "18446744073709551616\n");
    ck_assert_uint_eq(limit_under("4:memory:/app\n"), 0);
}
END_TEST

START_TEST(hybrid_mounts_are_both_looked_at)
{
    make_directory();
    write_file("memory/app/memory.limit_in_bytes", "8000000\n");
    write_file("unified/app/memory.max", "7000000\n");
    ck_assert_uint_eq(limit_under("4:memory:/app\n0::/app\n"), 7000000);
}
END_TEST

START_TEST(nonsense_and_nothing_are_no_limit)
{
    ck_assert_uint_eq(limit_of("memory.max", "lots\n", "0::/app"), 0);
    make_directory();
    ck_assert_uint_eq(limit_under("nothing here\n:\n::\n\n"), 0);
    ck_assert_uint_eq(ml_os_cgroup_limit_under("/nowhere/file", "/nowhere"), 0);
}
END_TEST

START_TEST(this_process_is_in_no_impossible_cgroup)
{
    errno = EDOM;
    uint64_t limit = ml_os_cgroup_limit_bytes();
    ck_assert(limit == 0 || limit >= MIB);
    struct ml_os_cgroup_room room = ml_os_cgroup_room();
    ck_assert(room.limit == 0 || (room.limit >= limit && room.held <= room.limit));
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

/* ---- how near it is --------------------------------------------------------------------- */

static struct ml_os_cgroup_room room_under(const char *membership)
{
    char membership_path[PATH_MAX];
    write_file("membership", membership);
    snprintf(membership_path, sizeof(membership_path), "%s", path_of("membership"));
    struct ml_os_cgroup_room room = ml_os_cgroup_room_under(membership_path, path_of(""));
    remove_directory();
    return room;
}

#define ASSERT_ROOM(membership, expected_held, expected_limit)                                   \
    do {                                                                                         \
        struct ml_os_cgroup_room room_ = room_under(membership);                                 \
        ck_assert_uint_eq(room_.held, expected_held);                                            \
        ck_assert_uint_eq(room_.limit, expected_limit);                                          \
    } while (0)

/* Pages of files go when somebody needs the room. */
START_TEST(files_are_not_held)
{
    make_directory();
    write_file("app/memory.max", "1000000\n");
    write_file("app/memory.current", "900000\n");
    write_file("app/memory.stat", "anon 700000\nfile 190000\ninactive_anon 5\nactive_anon 6\n"
                                  "inactive_file 100000\nactive_file 50000\nunevictable 0\n");
    ASSERT_ROOM("0::/app\n", 750000, 1000000);
    make_directory();
    write_file("memory/app/memory.limit_in_bytes", "1000000\n");
    write_file("memory/app/memory.usage_in_bytes", "950000\n");
    write_file("memory/app/memory.stat", "cache 7\ninactive_file 1\nactive_file 2\n"
                                         "total_inactive_file 40000\ntotal_active_file 10000\n");
    ASSERT_ROOM("4:memory:/app\n", 900000, 1000000);
}
END_TEST

START_TEST(without_its_files_being_told_all_is_held)
{
    make_directory();
    write_file("memory.max", "1000000\n");
    write_file("memory.current", "900000\n");
    ASSERT_ROOM("0::/\n", 900000, 1000000);
    make_directory();
    write_file("memory.max", "1000000\n");
    ASSERT_ROOM("0::/\n", 0, 1000000);
}
END_TEST

/* The outer one has more, and others in it. */
START_TEST(the_group_that_is_nearest_counts)
{
    make_directory();
    write_file("a/memory.max", "3000000\n");
    write_file("a/memory.current", "2900000\n");
    write_file("a/b/memory.max", "2000000\n");
    write_file("a/b/memory.current", "1000000\n");
    write_file("a/b/c/memory.max", "max\n");
    write_file("a/b/c/memory.current", "1000000\n");
    ASSERT_ROOM("0::/a/b/c\n", 2900000, 3000000);
}
END_TEST

START_TEST(without_a_limit_there_is_nothing_to_be_near)
{
    make_directory();
    write_file("app/memory.max", "max\n");
    write_file("app/memory.current", "900000\n");
    ASSERT_ROOM("0::/app\n", 0, 0);
    make_directory();
    ASSERT_ROOM("nothing here\n", 0, 0);
}
END_TEST

UNIT_MAIN("os cgroup", unified_limit_is_found, the_word_max_is_no_limit,
          an_ancestors_tighter_limit_wins, the_groups_own_tighter_limit_wins,
          a_container_finds_its_limit_at_the_root,
          a_path_that_is_not_mounted_falls_back_to_the_root,
          a_path_outside_of_the_namespace_is_not_followed,
          version_one_limit_is_found_among_other_controllers,
          version_one_says_no_limit_with_a_huge_number, hybrid_mounts_are_both_looked_at,
          nonsense_and_nothing_are_no_limit, this_process_is_in_no_impossible_cgroup,
          files_are_not_held, without_its_files_being_told_all_is_held,
          the_group_that_is_nearest_counts, without_a_limit_there_is_nothing_to_be_near)
