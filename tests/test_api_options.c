/* SPDX-License-Identifier: MIT */
/* test_api_options.c - what MEMLOG_* may say, what comes of it, and what is
 * said about a setting that makes no sense. */
#include "api/options.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "captured.h"
#include "gc/pacer.h"
#include "memlog.h"
#include "os/clock.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

/* ---- the parsers ------------------------------------------------------- */

struct quantity {
    const char *text;
    uint64_t value;
};

static void check_quantities(bool (*parse)(const char *, uint64_t *),
                             const struct quantity *right, size_t rights,
                             const char *const *wrong, size_t wrongs)
{
    for (size_t i = 0; i < rights; i++) {
        uint64_t value = 0;
        ck_assert_msg(parse(right[i].text, &value), "\"%s\" is refused", right[i].text);
        ck_assert_msg(value == right[i].value, "\"%s\" is %" PRIu64 ", not %" PRIu64,
                      right[i].text, value, right[i].value);
    }
    for (size_t i = 0; i < wrongs; i++) {
        uint64_t value = 0;
        ck_assert_msg(!parse(wrong[i], &value), "\"%s\" is accepted, as %" PRIu64, wrong[i],
                      value);
    }
}

START_TEST(intervals_have_units_and_fractions)
{
    static const struct quantity right[] = {
        { "1s", ML_NS_PER_SECOND },
        { "1", ML_NS_PER_SECOND },
        { "100ms", 100 * ML_NS_PER_MS },
        { "1ms", ML_NS_PER_MS },
        { "1000us", ML_NS_PER_MS },
        { "2500us", UINT64_C(2500000) },
        { "0.25", UINT64_C(250000000) },
        { "1.5s", UINT64_C(1500000000) },
        { "0.001s", ML_NS_PER_MS },
        { "1.000000001s", UINT64_C(1000000001) },
        { "2m", 120 * (uint64_t)ML_NS_PER_SECOND },
        { "0.5m", 30 * (uint64_t)ML_NS_PER_SECOND },
        { "1h", 3600 * (uint64_t)ML_NS_PER_SECOND },
        { "24h", 86400 * (uint64_t)ML_NS_PER_SECOND },
    };
    static const char *const wrong[] = {
        "",     "s",   "ms",    "0",     "0s",  "-1s",   "+1s",  "1 s",  " 1s", "1s ",
        "999us", "0.0009s", "24.1h", "25h", "1d", "1S",   "1sec", "1e3",  ".5s", "0x10",
        "1,5s", "1..5s", "99999999999999999999s", "18446744073709551616",
    };
    check_quantities(ml_parse_interval, right, COUNT_OF(right), wrong, COUNT_OF(wrong));
}
END_TEST

START_TEST(sizes_tell_powers_of_two_from_powers_of_ten)
{
    static const struct quantity right[] = {
        { "0", 0 },
        { "4096", 4096 },
        { "1B", 1 },
        { "64KiB", 64 * KIB },
        { "64K", 64 * KIB },
        { "64KB", 64000 },
        { "512MiB", 512 * MIB },
        { "512M", 512 * MIB },
        { "100MB", UINT64_C(100000000) },
        { "1.5GiB", GIB + GIB / 2 },
        { "1G", GIB },
        { "1GB", UINT64_C(1000000000) },
        { "2T", 2 * TIB },
        { "2TiB", 2 * TIB },
        { "2TB", UINT64_C(2000000000000) },
        { "9223372036854775807", INT64_MAX },
    };
    static const char *const wrong[] = {
        "",     "KiB", "-1", "+1", " 1", "1 KiB", "1kb", "1kib", "1Ki", "1EiB", "off",
        "9223372036854775808", "8388608TiB", "99999999999999999999999",
    };
    check_quantities(ml_parse_bytes, right, COUNT_OF(right), wrong, COUNT_OF(wrong));
}
END_TEST

START_TEST(limits_are_sizes_or_off)
{
    static const struct {
        const char *text;
        int64_t value;
    } right[] = {
        { "512MiB", 512 * MIB }, { "1GiB", GIB },   { "1.5GB", INT64_C(1500000000) },
        { "4096", 4096 },        { "1", 1 },        { "off", INT64_MAX },
        { "9223372036854775807", INT64_MAX },
    };
    static const char *const wrong[] = { "", "0", "0MiB", "0.0", "-1", "Off", "none", "1 GiB",
                                         "9223372036854775808" };
    int64_t value;
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        value = -5;
        ck_assert_msg(ml_parse_limit(right[i].text, &value), "\"%s\" is refused", right[i].text);
        ck_assert_int_eq(value, right[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        value = -5;
        ck_assert_msg(!ml_parse_limit(wrong[i], &value), "\"%s\" is accepted", wrong[i]);
        ck_assert_int_eq(value, -5);
    }
}
END_TEST

START_TEST(percentages_are_whole_or_off)
{
    static const struct {
        const char *text;
        int value;
    } right[] = { { "100", 100 }, { "50%", 50 }, { "0", 0 }, { "off", -1 }, { "2147483647", INT32_MAX } };
    static const char *const wrong[] = { "", "-1", "1.5", "1.0", "Off", "100 %", "2147483648", "many" };
    int value;
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        value = 12345;
        ck_assert_msg(ml_parse_percent(right[i].text, &value), "\"%s\" is refused", right[i].text);
        ck_assert_int_eq(value, right[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        ck_assert_msg(!ml_parse_percent(wrong[i], &value), "\"%s\" is accepted", wrong[i]);
}
END_TEST

START_TEST(counts_are_digits)
{
    static const struct quantity right[] = {
        { "0", 0 }, { "1", 1 }, { "1000", 1000 }, { "9223372036854775807", INT64_MAX },
    };
    static const char *const wrong[] = { "", "-1", "+1", "1.0", "1k", "1 ", "off", "yes", "0x10",
                                         "9223372036854775808" };
    check_quantities(ml_parse_count, right, COUNT_OF(right), wrong, COUNT_OF(wrong));
}
END_TEST

START_TEST(flags_are_yes_or_no)
{
    static const char *const yes[] = { "1", "yes", "on", "true" };
    static const char *const no[] = { "0", "no", "off", "false" };
    static const char *const wrong[] = { "", "2", "Yes", "TRUE", "y", "01" };
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        bool flag = false;
        ck_assert(ml_parse_flag(yes[i], &flag) && flag);
        ck_assert(ml_parse_flag(no[i], &flag) && !flag);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        bool flag;
        ck_assert_msg(!ml_parse_flag(wrong[i], &flag), "\"%s\" is accepted", wrong[i]);
    }
}
END_TEST

/* ---- the environment --------------------------------------------------- */

static void forget_environment(void)
{
    static const char *const variables[] = {
        "MEMLOG_FILE",      "MEMLOG_INTERVAL",   "MEMLOG_COLUMNS",  "MEMLOG_MAX_BYTES",
        "MEMLOG_CHILDREN",  "MEMLOG_COMMAND",    "MEMLOG_PAST_END", "MEMLOG_GC_PERCENT",
        "MEMLOG_GC_STRESS", "MEMLOG_MEMORY_LIMIT", "MEMLOG_LOG_GC",
        "MEMLOG_CONTROL",
    };
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        unsetenv(variables[i]);
}

static struct ml_log_settings settings;

/* The log's options are accepted, and nothing is said. */
static void accept_log(const struct memlog_log_options *given)
{
    capture_begin();
    int error = ml_options_log(given, &settings);
    const char *said = capture_end();
    ck_assert_int_eq(error, 0);
    ck_assert_str_eq(said, "");
}

/* With variable=value they are refused, in one line that names both. */
static void refuse_log(const char *variable, const char *value)
{
    char begin[128];
    forget_environment();
    setenv(variable, value, 1);
    capture_begin();
    int error = ml_options_log(NULL, &settings);
    const char *said = capture_end();
    ck_assert_int_eq(error, -EINVAL);
    snprintf(begin, sizeof(begin), "memlog: %s: \"%s\" is not ", variable, value);
    ck_assert_msg(strncmp(said, begin, strlen(begin)) == 0, "it says: %s", said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}

START_TEST(log_has_its_defaults)
{
    forget_environment();
    accept_log(NULL);
    ck_assert_str_eq(settings.file, "memory.log");
    ck_assert_uint_eq(settings.interval_ns, ML_NS_PER_SECOND);
    ck_assert_ptr_null(settings.columns);
    ck_assert_uint_eq(settings.max_bytes, 0);
    ck_assert(!settings.children);
    ck_assert(settings.show_command);
}
END_TEST

START_TEST(environment_comes_before_the_defaults)
{
    forget_environment();
    setenv("MEMLOG_FILE", "/logs/%p.log", 1);
    setenv("MEMLOG_INTERVAL", "100ms", 1);
    setenv("MEMLOG_COLUMNS", "NumGC rss", 1);
    setenv("MEMLOG_MAX_BYTES", "64MiB", 1);
    setenv("MEMLOG_CHILDREN", "1", 1);
    setenv("MEMLOG_COMMAND", "0", 1);
    setenv("MEMLOG_LOG_GC", "1", 1);
    setenv("MEMLOG_CONTROL", "0", 1);
    accept_log(NULL);
    ck_assert(settings.tell_cycles);
    ck_assert(!settings.control);
    ck_assert_str_eq(settings.file, "/logs/%p.log");
    ck_assert_uint_eq(settings.interval_ns, 100 * ML_NS_PER_MS);
    ck_assert_str_eq(settings.columns, "NumGC rss");
    ck_assert_uint_eq(settings.max_bytes, 64 * MIB);
    ck_assert(settings.children);
    ck_assert(!settings.show_command);
}
END_TEST

START_TEST(caller_comes_before_the_environment)
{
    const struct memlog_log_options given = { sizeof(given), "mine.log", 2 * ML_NS_PER_MS, "rss",
                                              4096, -1 };
    forget_environment();
    setenv("MEMLOG_FILE", "other.log", 1);
    setenv("MEMLOG_INTERVAL", "never", 1); /* not even looked at */
    setenv("MEMLOG_COLUMNS", "NumGC", 1);
    setenv("MEMLOG_MAX_BYTES", "many", 1);
    setenv("MEMLOG_LOG_GC", "1", 1);
    accept_log(&given);
    ck_assert(!settings.tell_cycles);
    ck_assert_str_eq(settings.file, "mine.log");
    ck_assert_uint_eq(settings.interval_ns, 2 * ML_NS_PER_MS);
    ck_assert_str_eq(settings.columns, "rss");
    ck_assert_uint_eq(settings.max_bytes, 4096);
}
END_TEST

START_TEST(members_that_the_size_leaves_out_are_not_read)
{
    struct memlog_log_options given = { offsetof(struct memlog_log_options, columns), "mine.log",
                                        5 * ML_NS_PER_MS, (const char *)1, 1, 1 };
    forget_environment();
    accept_log(&given);
    ck_assert_str_eq(settings.file, "mine.log");
    ck_assert_uint_eq(settings.interval_ns, 5 * ML_NS_PER_MS);
    ck_assert_ptr_null(settings.columns);
    ck_assert_uint_eq(settings.max_bytes, 0);
    ck_assert(!settings.tell_cycles);
    given.size = 0;
    accept_log(&given);
    ck_assert_str_eq(settings.file, "memory.log");
    /* Half a member is none. */
    given.size = offsetof(struct memlog_log_options, file) + 1;
    accept_log(&given);
    ck_assert_str_eq(settings.file, "memory.log");
}
END_TEST

START_TEST(empty_variables_are_unset_ones)
{
    forget_environment();
    setenv("MEMLOG_FILE", "", 1);
    setenv("MEMLOG_INTERVAL", "", 1);
    setenv("MEMLOG_MAX_BYTES", "", 1);
    setenv("MEMLOG_CHILDREN", "", 1);
    accept_log(NULL);
    ck_assert_str_eq(settings.file, "memory.log");
    ck_assert_uint_eq(settings.interval_ns, ML_NS_PER_SECOND);
    ck_assert(settings.control);
}
END_TEST

START_TEST(bad_settings_of_the_log_are_refused_by_name)
{
    refuse_log("MEMLOG_INTERVAL", "soon");
    refuse_log("MEMLOG_INTERVAL", "0");
    refuse_log("MEMLOG_MAX_BYTES", "-1");
    refuse_log("MEMLOG_CHILDREN", "maybe");
    refuse_log("MEMLOG_COMMAND", "2");
    refuse_log("MEMLOG_LOG_GC", "all");
    refuse_log("MEMLOG_CONTROL", "socket");
}
END_TEST

START_TEST(interval_below_a_millisecond_is_refused)
{
    const struct memlog_log_options given = { .size = sizeof(given), .interval_ns = 999999 };
    forget_environment();
    capture_begin();
    int error = ml_options_log(&given, &settings);
    const char *said = capture_end();
    ck_assert_int_eq(error, -EINVAL);
    ck_assert_str_eq(said, "memlog: memlog_log_start: an interval is at least 1 ms\n");
}
END_TEST

static struct ml_collector_options collector;

static const char *read_collector(const char *percent, const char *past_end,
                                  const char *stress)
{
    forget_environment();
    if (percent != NULL)
        setenv("MEMLOG_GC_PERCENT", percent, 1);
    if (past_end != NULL)
        setenv("MEMLOG_PAST_END", past_end, 1);
    if (stress != NULL)
        setenv("MEMLOG_GC_STRESS", stress, 1);
    memset(&collector, 0x5a, sizeof(collector));
    capture_begin();
    ml_options_collector(&collector);
    return capture_end();
}

START_TEST(collector_has_its_defaults)
{
    ck_assert_str_eq(read_collector(NULL, NULL, NULL), "");
    ck_assert_int_eq(collector.gc_percent, ML_GC_PERCENT_DEFAULT);
    ck_assert(!collector.pad_all);
    ck_assert_uint_eq(collector.gc_stress, 0);
}
END_TEST

START_TEST(collector_reads_the_environment)
{
    ck_assert_str_eq(read_collector("off", "always", "1000"), "");
    ck_assert_uint_eq(collector.gc_stress, 1000);
    ck_assert_int_eq(collector.gc_percent, -1);
    ck_assert(collector.pad_all);
    ck_assert_str_eq(read_collector("50", "roots", "0"), "");
    ck_assert_uint_eq(collector.gc_stress, 0);
    ck_assert_int_eq(collector.gc_percent, 50);
    ck_assert(!collector.pad_all);
}
END_TEST

START_TEST(bad_settings_of_the_collector_are_said_and_the_default_taken)
{
    ck_assert_str_eq(read_collector("lots", NULL, NULL),
                     "memlog: MEMLOG_GC_PERCENT: \"lots\" is not a percentage (try 100, 50, off); "
                     "taking 100\n");
    ck_assert_int_eq(collector.gc_percent, ML_GC_PERCENT_DEFAULT);
    ck_assert_str_eq(read_collector(NULL, "never", NULL),
                     "memlog: MEMLOG_PAST_END: \"never\" is not roots or always; taking roots\n");
    ck_assert(!collector.pad_all);
    ck_assert_str_eq(read_collector(NULL, NULL, "often"),
                     "memlog: MEMLOG_GC_STRESS: \"often\" is not a number of allocations (try "
                     "100, 1, 0 for off); taking 0\n");
    ck_assert_uint_eq(collector.gc_stress, 0);
}
END_TEST

START_TEST(memory_limit_is_read_and_a_bad_one_said)
{
    ck_assert_str_eq(read_collector(NULL, NULL, NULL), "");
    ck_assert_int_eq(collector.memory_limit, INT64_MAX);
    setenv("MEMLOG_MEMORY_LIMIT", "1.5GiB", 1);
    ml_options_collector(&collector);
    ck_assert_int_eq(collector.memory_limit, GIB + GIB / 2);
    setenv("MEMLOG_MEMORY_LIMIT", "plenty", 1);
    capture_begin();
    ml_options_collector(&collector);
    ck_assert_str_eq(capture_end(), "memlog: MEMLOG_MEMORY_LIMIT: \"plenty\" is not a size (try "
                                    "512MiB, 1GiB, off); taking off\n");
    ck_assert_int_eq(collector.memory_limit, INT64_MAX);
}
END_TEST

/* ---- the profile ----------------------------------------------------------- */

static struct ml_profile_options profile;

/* What is said about the variable's value. */
static const char *read_profile(const char *variable, const char *value)
{
    if (variable != NULL)
        setenv(variable, value, 1);
    memset(&profile, 0x5a, sizeof(profile));
    capture_begin();
    ml_options_profile(&profile);
    const char *said = capture_end();
    if (variable != NULL)
        unsetenv(variable);
    return said;
}

START_TEST(profile_has_its_defaults)
{
    ck_assert_str_eq(read_profile(NULL, NULL), "");
    ck_assert_uint_eq(profile.rate, 512 * KIB);
    ck_assert_uint_eq(profile.bytes_most, 64 * MIB);
    ck_assert(!profile.by_frame_pointers);
    ck_assert_ptr_null(profile.file);
    ck_assert_int_eq(profile.signal, 0);
}
END_TEST

START_TEST(profile_reads_the_environment)
{
    ck_assert_str_eq(read_profile("MEMLOG_PROFILE_RATE", "0"), "");
    ck_assert_uint_eq(profile.rate, 0);
    ck_assert_str_eq(read_profile("MEMLOG_PROFILE_RATE", "64KiB"), "");
    ck_assert_uint_eq(profile.rate, 64 * KIB);
    ck_assert_str_eq(read_profile("MEMLOG_PROFILE_BYTES", "1MiB"), "");
    ck_assert_uint_eq(profile.bytes_most, MIB);
    ck_assert_str_eq(read_profile("MEMLOG_UNWIND", "fp"), "");
    ck_assert(profile.by_frame_pointers);
    ck_assert_str_eq(read_profile("MEMLOG_UNWIND", "gcc"), "");
    ck_assert(!profile.by_frame_pointers);
    ck_assert_str_eq(read_profile("MEMLOG_PROFILE_SIGNAL", "12"), "");
    ck_assert_int_eq(profile.signal, 12);
}
END_TEST

START_TEST(bad_settings_of_the_profile_are_said_and_the_default_taken)
{
    ck_assert_str_eq(read_profile("MEMLOG_PROFILE_RATE", "often"),
                     "memlog: MEMLOG_PROFILE_RATE: \"often\" is not a size (try 512KiB, 1 for every "
                     "allocation, 0 for off); taking 512KiB\n");
    ck_assert_uint_eq(profile.rate, 512 * KIB);
    ck_assert_str_eq(read_profile("MEMLOG_PROFILE_BYTES", "-1"),
                     "memlog: MEMLOG_PROFILE_BYTES: \"-1\" is not a size (try 64MiB, 1GiB); "
                     "taking 64MiB\n");
    ck_assert_uint_eq(profile.bytes_most, 64 * MIB);
    ck_assert_str_eq(read_profile("MEMLOG_UNWIND", "dwarf"),
                     "memlog: MEMLOG_UNWIND: \"dwarf\" is not gcc or fp; taking gcc\n");
    ck_assert(!profile.by_frame_pointers);
    ck_assert_str_eq(read_profile("MEMLOG_PROFILE_SIGNAL", "KILL"),
                     "memlog: MEMLOG_PROFILE_SIGNAL: \"KILL\" is not a signal that can be handled "
                     "(try USR2, 12); taking none\n");
    ck_assert_int_eq(profile.signal, 0);
}
END_TEST

START_TEST(signals_have_names_and_numbers)
{
    static const struct {
        const char *text;
        int signal;
    } right[] = { { "USR2", SIGUSR2 }, { "SIGUSR1", SIGUSR1 }, { "1", 1 }, { "64", 64 }, { "WINCH", SIGWINCH } };
    static const char *const wrong[] = { "0", "65", "9", "KILL", "SIGSTOP", "usr2", "USR", "SIG", "-1", "12.0" };
    int signal;
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        ck_assert_msg(ml_parse_signal(right[i].text, &signal), "\"%s\" is refused", right[i].text);
        ck_assert_int_eq(signal, right[i].signal);
    }
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        ck_assert_msg(!ml_parse_signal(wrong[i], &signal), "\"%s\" is accepted", wrong[i]);
}
END_TEST

UNIT_MAIN("api options", profile_has_its_defaults, profile_reads_the_environment,
          bad_settings_of_the_profile_are_said_and_the_default_taken, signals_have_names_and_numbers,
          memory_limit_is_read_and_a_bad_one_said, limits_are_sizes_or_off,
          intervals_have_units_and_fractions,
          sizes_tell_powers_of_two_from_powers_of_ten, percentages_are_whole_or_off,
          counts_are_digits, flags_are_yes_or_no, log_has_its_defaults, environment_comes_before_the_defaults,
          caller_comes_before_the_environment, members_that_the_size_leaves_out_are_not_read,
          empty_variables_are_unset_ones, bad_settings_of_the_log_are_refused_by_name,
          interval_below_a_millisecond_is_refused, collector_has_its_defaults,
          collector_reads_the_environment,
          bad_settings_of_the_collector_are_said_and_the_default_taken)
