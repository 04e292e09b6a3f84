/* SPDX-License-Identifier: MIT */
/* unit.h - the frame around a unit test file: list the cases, get a main.
 *
 *   START_TEST(freed_slot_is_reused_first) { ... } END_TEST
 *   UNIT_MAIN("heap central", freed_slot_is_reused_first, ...)
 *
 * Each case runs in a process of its own (CK_FORK=no to debug). With
 * UNIT_MAIN_TIMES each runs several times, and sees which in _i.
 */
#ifndef MEMLOG_TESTS_UNIT_H
#define MEMLOG_TESTS_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#define UNIT_TIMEOUT_SECONDS 120

/* An assertion that holds says where it stands once, not each time: check
 * writes that to a file, which was most of what loops over every byte took.
 * After a crash the last place that was new is shown. */
#undef ck_assert_msg
#define ck_assert_msg(expr, ...)                                                \
    ((expr) ? UNIT_PASSED_HERE()                                                \
            : _ck_assert_failed(__FILE__, __LINE__, "Assertion '" #expr "' failed", ##__VA_ARGS__))
#define UNIT_PASSED_HERE()                                                      \
    __extension__({                                                             \
        static bool unit_passed;                                                \
        if (!__atomic_load_n(&unit_passed, __ATOMIC_RELAXED)) {                 \
            __atomic_store_n(&unit_passed, true, __ATOMIC_RELAXED);             \
            _mark_point(__FILE__, __LINE__);                                    \
        }                                                                       \
    })

#define UNIT_MAIN(suite_name, ...) UNIT_MAIN_TIMES(suite_name, 1, __VA_ARGS__)

#define UNIT_MAIN_TIMES(suite_name, times, ...)                                \
    int main(void)                                                             \
    {                                                                          \
        const TTest *const cases[] = { __VA_ARGS__ };                          \
        Suite *suite = suite_create(suite_name);                               \
        TCase *all = tcase_create("all");                                      \
        tcase_set_timeout(all, UNIT_TIMEOUT_SECONDS);                          \
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)          \
            tcase_add_loop_test(all, cases[i], 0, times);                      \
        suite_add_tcase(suite, all);                                           \
        SRunner *runner = srunner_create(suite);                               \
        srunner_run_all(runner, CK_NORMAL);                                    \
        int failed = srunner_ntests_failed(runner);                            \
        srunner_free(runner);                                                  \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                      \
    }

#endif
