/* SPDX-License-Identifier: MIT */
/* test_cli_oom.c - how often the kernel has killed in this cgroup, wherever that is said. */
#include "cli/oom.h"
#include "os_scratch.h"

/* With the files that were written since make_directory(), which are gone then. */
static uint64_t kills_with(const char *membership)
{
    char membership_path[PATH_MAX];
    write_file("membership", membership);
    snprintf(membership_path, sizeof(membership_path), "%s", path_of("membership"));
    uint64_t kills = ml_oom_kills_under(membership_path, directory);
    remove_directory();
    return kills;
}

static const char EVENTS[] = "low 0\nhigh 7\nmax 12\noom 5\noom_kill 3\noom_group_kill 9\n";
static const char CONTROL[] = "oom_kill_disable 0\nunder_oom 1\noom_kill 4\n";

START_TEST(version_2)
{
    make_directory();
    write_file("a.slice/b.scope/memory.events", EVENTS);
    write_file("a.slice/memory.events", "oom_kill 100\n"); /* others' */
    ck_assert_uint_eq(kills_with("0::/a.slice/b.scope\n"), 3);
}
END_TEST

START_TEST(version_1)
{
    make_directory();
    write_file("memory/docker/1f2e/memory.oom_control", CONTROL);
    write_file("memory/memory.oom_control", "oom_kill 100\n");
    ck_assert_uint_eq(kills_with("9:name=systemd:/docker/1f2e\n4:cpu,memory:/docker/1f2e\n0::/\n"), 4);
}
END_TEST

START_TEST(both_versions_at_once)
{
    make_directory();
    write_file("unified/a/memory.events", EVENTS);
    ck_assert_uint_eq(kills_with("4:cpu:/a\n0::/a\n"), 3);
}
END_TEST

/* The path is the host's, and there is one directory only. */
START_TEST(in_a_container)
{
    make_directory();
    write_file("memory/memory.oom_control", CONTROL);
    ck_assert_uint_eq(kills_with("4:memory:/docker/1f2e\n"), 4);
    make_directory();
    write_file("memory.events", EVENTS);
    ck_assert_uint_eq(kills_with("0::/system.slice/docker-1f2e.scope\n"), 3);
    make_directory();
    write_file("memory.events", EVENTS);
    ck_assert_uint_eq(kills_with("0::/../../other\n"), 3);
}
END_TEST

/* Whatever the groups are called. */
START_TEST(a_group_called_memory_counts_once)
{
    make_directory();
    write_file("memory/memory-hog/memory.oom_control", CONTROL);
    ck_assert_uint_eq(kills_with("9:name=memory:/memory-hog\n8:pids:/memory-hog\n5:hugememory,memory2:/memory-hog\n"
                                 "4:memory:/memory-hog\n"),
                      4);
}
END_TEST

START_TEST(where_it_is_not_to_be_learnt)
{
    make_directory();
    ck_assert_uint_eq(kills_with("0::/a\n4:memory:/b\n"), 0);
    make_directory();
    write_file("a/memory.events", "low 0\noom_killer 7\n");
    ck_assert_uint_eq(kills_with("0::/a\n"), 0);
    make_directory();
    ck_assert_uint_eq(kills_with("nonsense\n:\n"), 0);
    ck_assert_uint_eq(ml_oom_kills_under("/no/such/file", "/"), 0);
}
END_TEST

UNIT_MAIN("cli oom", version_2, version_1, both_versions_at_once, in_a_container,
          a_group_called_memory_counts_once, where_it_is_not_to_be_learnt)
