/* SPDX-License-Identifier: MIT */
/* prometheus.c - metrics, out of the one table, in two dialects of one format.
 *
 * Numbers are exact: whole ones as they are, times with all nine decimals that they have. A limit
 * that is not set is +Inf, so that what is compared with it or divided by it comes out right.
 */
#include "stats/prometheus.h"

#include <string.h>

#include "os/clock.h"
#include "stats/fields.h"

enum metric_kind { GAUGE, COUNTER, HISTOGRAM, SUMMARY, INFO, UNKNOWN };

/* --- families: what stands before the numbers ---------------------------------- */

static bool ends_with(const char *name, size_t length, const char *end)
{
    size_t end_length = strlen(end);
    return length >= end_length && memcmp(name + length - end_length, end, end_length) == 0;
}

static void write_comment(struct ml_text *text, const char *word, const char *name, size_t length)
{
    ml_text_string(text, "# ");
    ml_text_string(text, word);
    ml_text_char(text, ' ');
    ml_text_bytes(text, name, length);
    ml_text_char(text, ' ');
}

/* The unit is what the name ends in. */
static void write_unit(struct ml_text *text, const char *name, size_t length)
{
    static const char *const units[] = { "bytes", "seconds", "ratio" };
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (ends_with(name, length, units[i])) {
            write_comment(text, "UNIT", name, length);
            ml_text_string(text, units[i]);
            ml_text_char(text, '\n');
        }
}

/* name is that of the numbers. OpenMetrics calls the family of some without their last word. */
static void begin_family(struct ml_text *text, const struct ml_prometheus *input, const char *name,
                         enum metric_kind kind, const char *help)
{
    static const char *const classic[] = {
        [GAUGE] = "gauge",     [COUNTER] = "counter", [HISTOGRAM] = "histogram",
        [SUMMARY] = "summary", [INFO] = "gauge",      [UNKNOWN] = "counter"
    };
    static const char *const open[] = {
        [GAUGE] = "gauge",     [COUNTER] = "counter", [HISTOGRAM] = "histogram",
        [SUMMARY] = "summary", [INFO] = "info",       [UNKNOWN] = "unknown"
    };
    size_t length = strlen(name);
    if (input->open_metrics && kind == COUNTER)
        length -= strlen("_total");
    if (input->open_metrics && kind == INFO)
        length -= strlen("_info");
    write_comment(text, "HELP", name, length);
    ml_text_string(text, help);
    ml_text_char(text, '\n');
    write_comment(text, "TYPE", name, length);
    ml_text_string(text, (input->open_metrics ? open : classic)[kind]);
    ml_text_char(text, '\n');
    if (input->open_metrics)
        write_unit(text, name, length);
}

void ml_openmetrics_family(struct ml_text *text, const char *name, enum ml_field_kind kind,
                           const char *help)
{
    const struct ml_prometheus input = { .open_metrics = true };
    begin_family(text, &input, name, kind == ML_TOTAL ? COUNTER : GAUGE, help);
}

/* --- numbers ---------------------------------------------------------------------- */

static void write_seconds(struct ml_text *text, uint64_t ns)
{
    uint64_t rest = ns % ML_NS_PER_SECOND;
    unsigned digits = 9;
    ml_text_u64(text, ns / ML_NS_PER_SECOND);
    if (rest == 0)
        return;
    for (; rest % 10 == 0; rest /= 10)
        digits--;
    ml_text_char(text, '.');
    ml_text_u64_padded(text, rest, digits);
}

void ml_prometheus_number(struct ml_text *text, const struct ml_field *field, const void *value)
{
    uint64_t number = 0;
    if (field->type == ML_TYPE_U32)
        number = *(const uint32_t *)value;
    else if (field->type != ML_TYPE_BOOL)
        number = *(const uint64_t *)value;
    switch ((enum ml_field_unit)field->unit) {
    case ML_UNIT_BYTES:
        if (ml_field_is_no_limit(field, number)) {
            ml_text_string(text, "+Inf");
            break;
        }
        ml_text_u64(text, number);
        break;
    case ML_UNIT_COUNT:
        ml_text_u64(text, number);
        break;
    case ML_UNIT_NANOSECONDS:
    case ML_UNIT_UNIX_NANOSECONDS:
        write_seconds(text, number);
        break;
    case ML_UNIT_PERCENT: /* as a ratio; none: no growth starts a collection */
        if (*(const int64_t *)value < 0)
            ml_text_string(text, "+Inf");
        else
            ml_text_double_json(text, (double)*(const int64_t *)value / 100);
        break;
    case ML_UNIT_FRACTION:
        ml_text_double_json(text, *(const double *)value);
        break;
    case ML_UNIT_FLAG:
        ml_text_u64(text, *(const bool *)value);
        break;
    }
}

static void begin_number(struct ml_text *text, const char *name)
{
    ml_text_string(text, name);
    ml_text_char(text, ' ');
}

/* --- a family for each field of the table -------------------------------------------- */

/* As Go writes them, which is how OpenMetrics wants these labels: "1e-06", "0.001024". */
static void write_bound(struct ml_text *text, unsigned bucket)
{
    if (bucket == MEMLOG_HISTOGRAM - 1)
        ml_text_string(text, "+Inf"); /* it has all longer ones, too */
    else
        ml_text_double_go(text, (double)memlog_histogram_ns(bucket) / ML_NS_PER_SECOND);
}

static void write_histogram(struct ml_text *text, const char *name,
                            const struct memlog_histogram *histogram)
{
    uint64_t so_far = 0;
    for (unsigned i = 0; i < MEMLOG_HISTOGRAM; i++) {
        so_far += histogram->counts[i];
        ml_text_string(text, name);
        ml_text_string(text, "_bucket{le=\"");
        write_bound(text, i);
        ml_text_string(text, "\"} ");
        ml_text_u64(text, so_far);
        ml_text_char(text, '\n');
    }
    ml_text_string(text, name);
    begin_number(text, "_sum");
    write_seconds(text, histogram->sum_ns);
    ml_text_char(text, '\n');
    ml_text_string(text, name);
    begin_number(text, "_count");
    ml_text_u64(text, so_far);
    ml_text_char(text, '\n');
}

static void write_class(struct ml_text *text, const char *name, uint32_t size, uint64_t number)
{
    ml_text_string(text, name);
    ml_text_string(text, "{size=\"");
    ml_text_u64(text, size);
    ml_text_string(text, "\"} ");
    ml_text_u64(text, number);
    ml_text_char(text, '\n');
}

/* Only classes that were ever used; there are no more than 60 in all. */
static void write_classes(struct ml_text *text, const struct ml_prometheus *input,
                          const struct memlog_by_size *classes)
{
    static const char objects[] = "memlog_size_class_objects";
    static const char mallocs[] = "memlog_size_class_mallocs_total";
    begin_family(text, input, objects, GAUGE,
                 "Objects that have not been freed, by the bytes that each takes");
    for (unsigned i = 0; i < MEMLOG_BY_SIZE; i++)
        if (classes[i].mallocs != 0)
            write_class(text, objects, classes[i].size, classes[i].mallocs - classes[i].frees);
    begin_family(text, input, mallocs, COUNTER, "Objects allocated, by the bytes that each takes");
    for (unsigned i = 0; i < MEMLOG_BY_SIZE; i++)
        if (classes[i].mallocs != 0)
            write_class(text, mallocs, classes[i].size, classes[i].mallocs);
}

/* 0 in a gauge of the system's is what it did not say. */
static bool is_unknown(const struct ml_field *field, const void *value)
{
    return field->home == ML_HOME_USAGE && field->kind == ML_GAUGE && *(const uint64_t *)value == 0;
}

static void write_field(struct ml_text *text, const struct ml_prometheus *input,
                        const struct ml_field *field)
{
    const struct ml_os_usage *usage = input->process == NULL ? NULL : &input->process->usage;
    if (field->metric == NULL || (field->home == ML_HOME_USAGE && usage == NULL))
        return;
    const void *value = ml_field_at(field, input->stats, input->extra, usage);
    if (is_unknown(field, value))
        return;
    if (field->type == ML_TYPE_HISTOGRAM) {
        begin_family(text, input, field->metric, HISTOGRAM, field->help);
        write_histogram(text, field->metric, value);
    } else if (field->type == ML_TYPE_BY_SIZE) {
        write_classes(text, input, value);
    } else {
        begin_family(text, input, field->metric, field->kind == ML_TOTAL ? COUNTER : GAUGE,
                     field->help);
        begin_number(text, field->metric);
        ml_prometheus_number(text, field, value);
        ml_text_char(text, '\n');
    }
}

/* --- the process, by the names that all exporters use ------------------------------------ */

static void write_descriptors(struct ml_text *text, uint64_t limit)
{
    if (limit == UINT64_MAX)
        ml_text_string(text, "+Inf");
    else
        ml_text_u64(text, limit);
}

static void write_process_number(struct ml_text *text, const struct ml_prometheus *input,
                                 const char *name, enum metric_kind kind, const char *help,
                                 void (*write)(struct ml_text *text, uint64_t number),
                                 uint64_t number)
{
    bool has_just_started = kind == COUNTER && input->process->virtual_bytes != 0;
    if (number == 0 && !has_just_started)
        return; /* the system says nothing */
    begin_family(text, input, name, kind, help);
    begin_number(text, name);
    write(text, number);
    ml_text_char(text, '\n');
}

static void write_process(struct ml_text *text, const struct ml_prometheus *input)
{
    const struct ml_os_account *process = input->process;
    write_process_number(text, input, "process_resident_memory_bytes", GAUGE,
                         "Physical memory of the process", ml_text_u64, process->resident_bytes);
    write_process_number(text, input, "process_virtual_memory_bytes", GAUGE,
                         "Address space of the process", ml_text_u64, process->virtual_bytes);
    write_process_number(text, input, "process_start_time_seconds", GAUGE,
                         "When the process was started, since 1970", write_seconds,
                         process->start_ns);
    write_process_number(text, input, "process_cpu_seconds_total", COUNTER,
                         "CPU time of the process, the user's and the system's", write_seconds,
                         process->cpu_ns);
    write_process_number(text, input, "process_max_fds", GAUGE,
                         "Open file descriptors that the process may have", write_descriptors,
                         process->max_fds);
}

/* --- the same numbers by the names of a Go program's ---------------------------------------- */

/* go_goroutines and go_info are left out: there are none, and this is no Go. */
static const struct go_metric {
    const char *name, *member;
} go_metrics[] = {
    { "go_memstats_alloc_bytes", "alloc" },
    { "go_memstats_alloc_bytes_total", "total_alloc" },
    { "go_memstats_sys_bytes", "sys" },
    { "go_memstats_lookups_total", "lookups" },
    { "go_memstats_mallocs_total", "mallocs" },
    { "go_memstats_frees_total", "frees" },
    { "go_memstats_heap_alloc_bytes", "heap_alloc" },
    { "go_memstats_heap_sys_bytes", "heap_sys" },
    { "go_memstats_heap_idle_bytes", "heap_idle" },
    { "go_memstats_heap_inuse_bytes", "heap_inuse" },
    { "go_memstats_heap_released_bytes", "heap_released" },
    { "go_memstats_heap_objects", "heap_objects" },
    { "go_memstats_stack_inuse_bytes", "stack_inuse" },
    { "go_memstats_stack_sys_bytes", "stack_sys" },
    { "go_memstats_mspan_inuse_bytes", "mspan_inuse" },
    { "go_memstats_mspan_sys_bytes", "mspan_sys" },
    { "go_memstats_mcache_inuse_bytes", "mcache_inuse" },
    { "go_memstats_mcache_sys_bytes", "mcache_sys" },
    { "go_memstats_buck_hash_sys_bytes", "buck_hash_sys" },
    { "go_memstats_gc_sys_bytes", "gc_sys" },
    { "go_memstats_other_sys_bytes", "other_sys" },
    { "go_memstats_next_gc_bytes", "next_gc" },
    { "go_memstats_last_gc_time_seconds", "last_gc" },
    { "go_memstats_gc_cpu_fraction", "gc_cpu_fraction" },
    { "go_gc_gomemlimit_bytes", "memory_limit" },
};

/* In OpenMetrics a counter's family has no "_total", and one of these would have the name of
 * another then. What is of no known kind keeps its name. */
static enum metric_kind go_kind(const struct go_metric *metric, const struct ml_field *field)
{
    if (strcmp(metric->name, "go_memstats_alloc_bytes_total") == 0)
        return UNKNOWN;
    return field->kind == ML_TOTAL ? COUNTER : GAUGE;
}

static void write_go_field(struct ml_text *text, const struct ml_prometheus *input,
                           const struct go_metric *metric)
{
    const struct ml_field *field = ml_field_find(metric->member, strlen(metric->member));
    const void *value = ml_field_at(field, input->stats, input->extra, NULL);
    begin_family(text, input, metric->name, go_kind(metric, field), field->help);
    begin_number(text, metric->name);
    if (field->unit == ML_UNIT_BYTES)
        ml_text_u64(text, *(const uint64_t *)value); /* no limit is 2^63 - 1 there */
    else
        ml_prometheus_number(text, field, value);
    ml_text_char(text, '\n');
}

/* Ascending; there are few, and qsort may allocate. */
static void sort(uint64_t *numbers, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        uint64_t number = numbers[i];
        unsigned at = i;
        for (; at > 0 && numbers[at - 1] > number; at--)
            numbers[at] = numbers[at - 1];
        numbers[at] = number;
    }
}

/* Quantiles are of the last 256 collections, sum and count of all; which number is which
 * quantile is as in debug.ReadGCStats. */
static void write_go_pauses(struct ml_text *text, const struct ml_prometheus *input)
{
    static const char name[] = "go_gc_duration_seconds";
    static const char *const classic[] = { "0", "0.25", "0.5", "0.75", "1" };
    static const char *const open[] = { "0.0", "0.25", "0.5", "0.75", "1.0" };
    enum { QUARTERS = 4 };
    const struct memlog_memstats *stats = input->stats;
    uint64_t pauses[MEMLOG_PAUSES];
    unsigned count = stats->num_gc < MEMLOG_PAUSES ? stats->num_gc : MEMLOG_PAUSES;
    memcpy(pauses, stats->pause_ns, sizeof(pauses));
    sort(pauses, count);
    begin_family(text, input, name, SUMMARY,
                 "Time the program was stopped in each of the collections");
    for (unsigned i = 0; i <= QUARTERS; i++) {
        unsigned at = i < QUARTERS ? count * i / QUARTERS : count - 1;
        ml_text_string(text, name);
        ml_text_string(text, "{quantile=\"");
        ml_text_string(text, (input->open_metrics ? open : classic)[i]);
        ml_text_string(text, "\"} ");
        write_seconds(text, count == 0 ? 0 : pauses[at]);
        ml_text_char(text, '\n');
    }
    ml_text_string(text, name);
    begin_number(text, "_sum");
    write_seconds(text, stats->pause_total_ns);
    ml_text_char(text, '\n');
    ml_text_string(text, name);
    begin_number(text, "_count");
    ml_text_u64(text, stats->num_gc);
    ml_text_char(text, '\n');
}

static void write_go_gauge(struct ml_text *text, const struct ml_prometheus *input,
                           const char *name, const char *help, uint64_t number)
{
    begin_family(text, input, name, GAUGE, help);
    begin_number(text, name);
    ml_text_u64(text, number);
    ml_text_char(text, '\n');
}

static void write_go(struct ml_text *text, const struct ml_prometheus *input)
{
    const struct memlog_extra *extra = input->extra;
    for (size_t i = 0; i < sizeof(go_metrics) / sizeof(go_metrics[0]); i++)
        write_go_field(text, input, &go_metrics[i]);
    write_go_pauses(text, input);
    /* When it is off Go tells the largest number. */
    write_go_gauge(text, input, "go_gc_gogc_percent",
                   "Growth over the live heap that starts a collection",
                   extra->gc_percent < 0 ? UINT64_MAX : (uint64_t)extra->gc_percent);
    write_go_gauge(text, input, "go_threads", "Threads of the process",
                   input->process == NULL ? extra->threads : input->process->usage.process_threads);
}

/* --- all of it --------------------------------------------------------------------------- */

static void write_build(struct ml_text *text, const struct ml_prometheus *input)
{
    begin_family(text, input, "memlog_build_info", INFO, "The version of memlog");
    ml_text_string(text, "memlog_build_info{version=\"");
    ml_text_string(text, input->version);
    ml_text_string(text, "\"} 1\n");
}

void ml_prometheus_write(struct ml_text *text, const struct ml_prometheus *input)
{
    write_build(text, input);
    for (size_t i = 0; i < ml_fields_count; i++)
        write_field(text, input, &ml_fields[i]);
    if (input->process != NULL)
        write_process(text, input);
    if (input->go_names)
        write_go(text, input);
    if (input->open_metrics)
        ml_text_string(text, "# EOF\n");
}
