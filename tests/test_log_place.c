/* SPDX-License-Identifier: MIT */
/* test_log_place.c - from a pattern to this process's path. */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "log/place.h"

static char name[64];
static const char *bad;
static struct ml_place place;

static const char *expanded(const char *pattern)
{
    ck_assert_int_eq(ml_place_expand(pattern, "leak", 4242, name, sizeof(name), &bad), 0);
    return name;
}

static const char *chosen(pid_t pid)
{
    ck_assert_int_eq(ml_place_choose(&place, pid, &bad), 0);
    return place.path;
}

static void remember(const char *pattern)
{
    ck_assert_int_eq(ml_place_remember(&place, pattern), 0);
}

START_TEST(pattern_is_filled_in)
{
    ck_assert_str_eq(expanded("memory.log"), "memory.log");
    ck_assert_str_eq(expanded("/tmp/%e.%p.log"), "/tmp/leak.4242.log");
    ck_assert_str_eq(expanded("100%%"), "100%");
    ck_assert_str_eq(expanded("%%p"), "%p");
}
END_TEST

START_TEST(other_percent_sequences_are_pointed_out)
{
    static const char *const patterns[] = { "a%q", "a%", "a%%%P" };
    static const size_t at[] = { 1, 1, 3 };
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(ml_place_expand(patterns[i], "leak", 1, name, sizeof(name), &bad),
                         -EINVAL);
        ck_assert_uint_eq((size_t)(bad - patterns[i]), at[i]);
    }
}
END_TEST

START_TEST(a_name_that_does_not_fit_is_not_cut)
{
    char small[8];
    ck_assert_int_eq(ml_place_expand("1234567", "leak", 1, small, sizeof(small), &bad), 0);
    ck_assert_int_eq(ml_place_expand("12345678", "leak", 1, small, sizeof(small), &bad),
                     -ENAMETOOLONG);
    static char endless[2 * ML_PATH_BYTES];
    memset(endless, 'x', sizeof(endless) - 1);
    ck_assert_int_eq(ml_place_remember(&place, endless), -ENAMETOOLONG);
}
END_TEST

START_TEST(program_name_does_not_choose_the_directory)
{
    ck_assert_int_eq(prctl(PR_SET_NAME, "../../etc/x"), 0);
    remember("/tmp/%e");
    ck_assert_str_eq(chosen(1), "/tmp/.._.._etc_x");
}
END_TEST

START_TEST(path_stays_where_the_program_was_started)
{
    ck_assert_int_eq(chdir("/usr"), 0);
    remember("memory.log");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_str_eq(chosen(1), "/usr/memory.log");
    ck_assert_str_eq(place.name, "memory.log");
}
END_TEST

START_TEST(absolute_path_needs_no_directory)
{
    char gone[] = "/tmp/memlog-place-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(gone));
    ck_assert_int_eq(chdir(gone), 0);
    ck_assert_int_eq(rmdir(gone), 0);
    remember("/tmp/memory.log");
    ck_assert_str_eq(chosen(1), "/tmp/memory.log");
    ck_assert_int_eq(ml_place_remember(&place, "memory.log"), -ENOENT);
}
END_TEST

START_TEST(child_gets_its_pid_behind_the_name)
{
    remember("/tmp/memory.log");
    (void)chosen(100);
    ml_place_leave_to_parent(&place);
    ck_assert_str_eq(chosen(101), "/tmp/memory.log.101");
}
END_TEST

START_TEST(grandchild_gets_one_pid_and_not_two)
{
    remember("/tmp/memory.log");
    (void)chosen(100);
    ml_place_leave_to_parent(&place);
    (void)chosen(101);
    ml_place_leave_to_parent(&place);
    ck_assert_str_eq(chosen(102), "/tmp/memory.log.102");
}
END_TEST

START_TEST(pattern_with_a_pid_is_filled_in_anew_for_a_child)
{
    remember("/tmp/memory.%p.log");
    (void)chosen(100);
    ml_place_leave_to_parent(&place);
    ck_assert_str_eq(chosen(101), "/tmp/memory.101.log");
}
END_TEST

START_TEST(child_may_log_to_another_file_under_its_plain_name)
{
    remember("/tmp/memory.log");
    (void)chosen(100);
    ml_place_leave_to_parent(&place);
    remember("/tmp/child.log");
    ck_assert_str_eq(chosen(101), "/tmp/child.log");
    remember("/tmp/memory.log");
    ck_assert_str_eq(chosen(101), "/tmp/memory.log.101");
}
END_TEST

UNIT_MAIN("log place", pattern_is_filled_in, other_percent_sequences_are_pointed_out,
          a_name_that_does_not_fit_is_not_cut, program_name_does_not_choose_the_directory,
          path_stays_where_the_program_was_started, absolute_path_needs_no_directory,
          child_gets_its_pid_behind_the_name, grandchild_gets_one_pid_and_not_two,
          pattern_with_a_pid_is_filled_in_anew_for_a_child,
          child_may_log_to_another_file_under_its_plain_name)
