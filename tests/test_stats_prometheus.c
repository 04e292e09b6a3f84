/* SPDX-License-Identifier: MIT */
/* test_stats_prometheus.c - metrics line by line. What promtool thinks of them is asked by
 * test_stats_prometheus.sh.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "stats/fields.h"
#include "stats/prometheus.h"

enum { BUFFER_SIZE = 65536 };

static char buffer[BUFFER_SIZE];
static struct memlog_memstats stats;
static struct memlog_extra extra;
static struct ml_os_account account;
static struct ml_prometheus input = {
    .stats = &stats, .extra = &extra, .process = &account, .version = "1.2.3"
};

/* Behind a line end, so that lines can be looked for. */
static const char *written(void)
{
    struct ml_text text;
    buffer[0] = '\n';
    ml_text_init(&text, buffer + 1, sizeof(buffer) - 1);
    ml_prometheus_write(&text, &input);
    ck_assert_uint_lt(ml_text_finish(&text), sizeof(buffer) - 1);
    return buffer;
}

static bool has(const char *lines)
{
    char wanted[1024];
    snprintf(wanted, sizeof(wanted), "\n%s\n", lines);
    return strstr(written(), wanted) != NULL;
}

#define HAS(lines) ck_assert_msg(has(lines), "not there: %s", lines)
#define HAS_NO(lines) ck_assert_msg(!has(lines), "there: %s", lines)

START_TEST(a_field_has_help_type_and_number)
{
    stats.alloc = stats.heap_alloc = UINT64_C(9007199254740993); /* no double */
    stats.mallocs = 7;
    HAS("# HELP memlog_heap_alloc_bytes Bytes in heap objects that have not been freed\n"
        "# TYPE memlog_heap_alloc_bytes gauge\n"
        "memlog_heap_alloc_bytes 9007199254740993");
    HAS("# TYPE memlog_mallocs_total counter\nmemlog_mallocs_total 7");
    HAS("# TYPE memlog_build_info gauge\nmemlog_build_info{version=\"1.2.3\"} 1");
    ck_assert_ptr_null(strstr(buffer, "# UNIT"));
    ck_assert_ptr_null(strstr(buffer, "# EOF"));
}
END_TEST

START_TEST(open_metrics_names_families_and_units_and_ends)
{
    input.open_metrics = true;
    stats.alloc = 5;
    extra.gc_cpu_ns = 1500000000;
    HAS("# TYPE memlog_heap_alloc_bytes gauge\n# UNIT memlog_heap_alloc_bytes bytes\n"
        "memlog_heap_alloc_bytes 5");
    HAS("# TYPE memlog_gc_cpu_seconds counter\n# UNIT memlog_gc_cpu_seconds seconds\n"
        "memlog_gc_cpu_seconds_total 1.5");
    HAS("# TYPE memlog_build info\nmemlog_build_info{version=\"1.2.3\"} 1");
    HAS("# TYPE memlog_gc_growth_ratio gauge\n# UNIT memlog_gc_growth_ratio ratio\n"
        "memlog_gc_growth_ratio 0");
    const char *end = strstr(written(), "\n# EOF\n");
    ck_assert_ptr_nonnull(end);
    ck_assert_str_eq(end, "\n# EOF\n");
    ck_assert_ptr_null(strstr(buffer, "_created"));
}
END_TEST

START_TEST(times_are_exact_and_limits_that_are_not_set_infinite)
{
    stats.last_gc = UINT64_C(1795248172715588211);
    extra.last_mark_ns = 1;
    extra.last_stop_ns = 1200000;
    stats.next_gc = INT64_MAX;
    extra.memory_limit = INT64_MAX;
    extra.gc_percent = -1;
    HAS("memlog_last_gc_timestamp_seconds 1795248172.715588211");
    HAS("memlog_gc_last_mark_seconds 0.000000001");
    HAS("memlog_gc_last_stop_seconds 0.0012");
    HAS("memlog_next_gc_bytes +Inf");
    HAS("memlog_memory_limit_bytes +Inf");
    HAS("memlog_cgroup_limit_bytes +Inf");
    HAS("memlog_gc_growth_ratio +Inf");
    extra.cgroup_limit = 1 << 30;
    extra.memory_limit = 1 << 29;
    extra.gc_percent = 150;
    HAS("memlog_cgroup_limit_bytes 1073741824");
    HAS("memlog_memory_limit_bytes 536870912");
    HAS("memlog_gc_growth_ratio 1.5");
}
END_TEST

START_TEST(histograms_are_cumulative_and_end_in_infinity)
{
    extra.pause_histogram.counts[0] = 2;
    extra.pause_histogram.counts[1] = 3;
    extra.pause_histogram.counts[MEMLOG_HISTOGRAM - 1] = 1;
    extra.pause_histogram.sum_ns = 20000004500;
    HAS("# TYPE memlog_gc_pause_seconds histogram\n"
        "memlog_gc_pause_seconds_bucket{le=\"1e-06\"} 2\n"
        "memlog_gc_pause_seconds_bucket{le=\"1.5e-06\"} 5\n"
        "memlog_gc_pause_seconds_bucket{le=\"2e-06\"} 5");
    HAS("memlog_gc_pause_seconds_bucket{le=\"0.001024\"} 5");
    HAS("memlog_gc_pause_seconds_bucket{le=\"8.388608\"} 5\n"
        "memlog_gc_pause_seconds_bucket{le=\"+Inf\"} 6\n"
        "memlog_gc_pause_seconds_sum 20.0000045\n"
        "memlog_gc_pause_seconds_count 6");
    HAS("memlog_gc_stop_seconds_count 0");
}
END_TEST

START_TEST(size_classes_that_were_used_have_a_label)
{
    stats.by_size[1] = (struct memlog_by_size){ 16, 0, 0 };
    stats.by_size[4] = (struct memlog_by_size){ 64, 10, 3 };
    stats.by_size[5] = (struct memlog_by_size){ 80, 2, 2 };
    HAS("# TYPE memlog_size_class_objects gauge\nmemlog_size_class_objects{size=\"64\"} 7\n"
        "memlog_size_class_objects{size=\"80\"} 0");
    HAS("# TYPE memlog_size_class_mallocs_total counter\n"
        "memlog_size_class_mallocs_total{size=\"64\"} 10\n"
        "memlog_size_class_mallocs_total{size=\"80\"} 2");
}
END_TEST

START_TEST(the_process_is_told_of_as_far_as_it_is_known)
{
    account = (struct ml_os_account){ .resident_bytes = 4096,
                                      .start_ns = UINT64_C(1795248219110000000),
                                      .max_fds = UINT64_MAX,
                                      .usage = { .fds = 3 } };
    HAS("# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 4096");
    HAS("process_start_time_seconds 1795248219.11");
    HAS("process_max_fds +Inf");
    HAS("process_open_fds 3");
    ck_assert_ptr_null(strstr(buffer, "process_virtual_memory_bytes"));
    ck_assert_ptr_null(strstr(buffer, "process_cpu_seconds_total"));
    ck_assert_ptr_null(strstr(buffer, "process_threads"));
    ck_assert_ptr_null(strstr(buffer, "memlog_cgroup_current_bytes"));
    /* No tick of the clock yet. */
    account.virtual_bytes = 8192;
    HAS("process_cpu_seconds_total 0");
    account.cpu_ns = 120000000;
    HAS("process_cpu_seconds_total 0.12");
    input.process = NULL;
    ck_assert_ptr_null(strstr(written(), "process_"));
}
END_TEST

START_TEST(go_names_come_in_addition_and_as_go_writes_them)
{
    stats.alloc = stats.heap_alloc = 5;
    stats.total_alloc = 9;
    stats.next_gc = INT64_MAX;
    stats.gc_cpu_fraction = 0.00015;
    extra.gc_percent = -1;
    account.usage.process_threads = 4;
    ck_assert_ptr_null(strstr(written(), "\ngo_"));
    input.go_names = true;
    HAS("memlog_heap_alloc_bytes 5");
    HAS("# TYPE go_memstats_alloc_bytes gauge\ngo_memstats_alloc_bytes 5");
    HAS("# TYPE go_memstats_alloc_bytes_total counter\ngo_memstats_alloc_bytes_total 9");
    HAS("go_memstats_heap_alloc_bytes 5");
    HAS("go_memstats_next_gc_bytes 9223372036854775807");
    HAS("go_memstats_gc_cpu_fraction 0.00015");
    HAS("go_gc_gogc_percent 18446744073709551615");
    HAS("go_threads 4");
    /* Two families of one name are none. */
    input.open_metrics = true;
    HAS("# TYPE go_memstats_alloc_bytes gauge\n# UNIT go_memstats_alloc_bytes bytes\n"
        "go_memstats_alloc_bytes 5");
    HAS("# TYPE go_memstats_alloc_bytes_total unknown\ngo_memstats_alloc_bytes_total 9");
    HAS("# TYPE go_memstats_mallocs counter\ngo_memstats_mallocs_total 0");
}
END_TEST

START_TEST(go_quantiles_are_of_the_pauses_that_there_were)
{
    input.go_names = true;
    HAS("# TYPE go_gc_duration_seconds summary\n"
        "go_gc_duration_seconds{quantile=\"0\"} 0\ngo_gc_duration_seconds{quantile=\"0.25\"} 0\n"
        "go_gc_duration_seconds{quantile=\"0.5\"} 0\ngo_gc_duration_seconds{quantile=\"0.75\"} 0\n"
        "go_gc_duration_seconds{quantile=\"1\"} 0\n"
        "go_gc_duration_seconds_sum 0\ngo_gc_duration_seconds_count 0");
    stats.num_gc = 5;
    stats.pause_total_ns = 1500000000;
    for (unsigned i = 0; i < 5; i++)
        stats.pause_ns[i] = (5 - i) * 100000000;
    HAS("go_gc_duration_seconds{quantile=\"0\"} 0.1\n"
        "go_gc_duration_seconds{quantile=\"0.25\"} 0.2\n"
        "go_gc_duration_seconds{quantile=\"0.5\"} 0.3\n"
        "go_gc_duration_seconds{quantile=\"0.75\"} 0.4\n"
        "go_gc_duration_seconds{quantile=\"1\"} 0.5\n"
        "go_gc_duration_seconds_sum 1.5\ngo_gc_duration_seconds_count 5");
    stats.num_gc = 1000;
    stats.pause_ns[255] = 700000000;
    HAS("go_gc_duration_seconds{quantile=\"1\"} 0.7");
    HAS("go_gc_duration_seconds_count 1000");
    input.open_metrics = true;
    HAS("go_gc_duration_seconds{quantile=\"0.0\"} 0\n"
        "go_gc_duration_seconds{quantile=\"0.25\"} 0");
}
END_TEST

/* The beginning of the k-th line that begins so, or NULL. */
static const char *line_of(const char *text, const char *begin, unsigned k)
{
    char wanted[128];
    snprintf(wanted, sizeof(wanted), "\n%s", begin);
    for (text = strstr(text, wanted); text != NULL && k > 0; k--)
        text = strstr(text + 1, wanted);
    return text;
}

START_TEST(each_family_is_announced_once_and_directly_before_its_numbers)
{
    input.go_names = true;
    for (int open = 0; open < 2; open++) {
        input.open_metrics = open == 1;
        written();
        for (unsigned k = 0; line_of(buffer, "# TYPE ", k) != NULL; k++) {
            char family[128], again[160];
            const char *line = line_of(buffer, "# TYPE ", k);
            ck_assert_int_eq(sscanf(line, "\n# TYPE %127s", family), 1);
            snprintf(again, sizeof(again), "# TYPE %s ", family);
            ck_assert_msg(line_of(buffer, again, 1) == NULL, "%s is announced twice", family);
            snprintf(again, sizeof(again), "# HELP %s ", family);
            ck_assert_msg(line_of(buffer, again, 0) != NULL && line_of(buffer, again, 1) == NULL,
                          "%s has no help of its own", family);
        }
    }
}
END_TEST

START_TEST(every_metric_has_its_units_and_kinds_suffix)
{
    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        const char *name = field->metric;
        if (name == NULL || field->type == ML_TYPE_BY_SIZE)
            continue;
        bool is_total = field->kind == ML_TOTAL && field->type != ML_TYPE_HISTOGRAM;
        const char *end = strstr(name, "_total");
        ck_assert_msg((end != NULL && end[6] == '\0') == is_total, "%s", name);
        ck_assert_msg((strstr(name, "_bytes") != NULL) == (field->unit == ML_UNIT_BYTES), "%s",
                      name);
        ck_assert_msg((strstr(name, "_seconds") != NULL) ==
                          (field->unit == ML_UNIT_NANOSECONDS ||
                           field->unit == ML_UNIT_UNIX_NANOSECONDS), "%s", name);
        ck_assert_msg(strncmp(name, "memlog_", 7) == 0 || field->home == ML_HOME_USAGE, "%s",
                      name);
        ck_assert_msg(strpbrk(field->help, "\"\\\n") == NULL, "help of %s wants escapes", name);
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(ml_fields[j].metric == NULL || strcmp(ml_fields[j].metric, name) != 0,
                          "%s is there twice", name);
    }
}
END_TEST

UNIT_MAIN("stats prometheus", a_field_has_help_type_and_number,
          open_metrics_names_families_and_units_and_ends,
          times_are_exact_and_limits_that_are_not_set_infinite,
          histograms_are_cumulative_and_end_in_infinity, size_classes_that_were_used_have_a_label,
          the_process_is_told_of_as_far_as_it_is_known,
          go_names_come_in_addition_and_as_go_writes_them,
          go_quantiles_are_of_the_pauses_that_there_were,
          each_family_is_announced_once_and_directly_before_its_numbers,
          every_metric_has_its_units_and_kinds_suffix)
