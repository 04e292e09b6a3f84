/* SPDX-License-Identifier: MIT */
#include "cli/exportnames.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What /metrics does without (stats/fields.c says why) may be all that a log has. */
static const struct {
    const char *name, *metric;
} others[] = {
    { "heap_alloc", "memlog_heap_alloc_bytes" }, /* Alloc's: the same number */
    { "stack_inuse", "memlog_stack_inuse_bytes" },
    { "pause_total_ns", "memlog_gc_stopped_seconds_total" },
    { "gc_cpu_fraction", "memlog_gc_cpu_ratio" },
    { "enable_gc", "memlog_gc_enabled" },
    { "debug_gc", "memlog_gc_debug" },
    { "rss", "process_resident_memory_bytes" }, /* as the pages call it, too */
    { "gc_concurrent", "memlog_gc_last_concurrent" },
    { "pauses", "memlog_gc_pauses_total" },
    { "pss", "memlog_process_proportional_memory_bytes" },
    { "swap", "memlog_process_swap_bytes" },
};

const char *ml_export_metric(const struct ml_column *column, char text[ML_METRIC_BYTES])
{
    const struct ml_field *field = column->field;
    if (field != NULL && field->metric != NULL) {
        snprintf(text, ML_METRIC_BYTES, "%s", field->metric);
        return text;
    }
    for (size_t i = 0; field != NULL && i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(field->name, others[i].name) == 0) {
            snprintf(text, ML_METRIC_BYTES, "%s", others[i].metric);
            return text;
        }
    snprintf(text, ML_METRIC_BYTES, "memlog_%s", field == NULL ? column->name : field->name);
    for (char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) || (unsigned char)*at >= 0x80)
            *at = '_';
    return text;
}

const char *ml_export_help(const struct ml_column *column)
{
    return column->field == NULL ? "A column of a log that memlog has no words for"
                                 : column->field->help;
}

bool ml_export_is_ours(const char *word, size_t length, const char *const *names)
{
    while (length > 0 && word[length - 1] == '_')
        length--;
    for (; *names != NULL; names++)
        if (strlen(*names) == length && memcmp(*names, word, length) == 0)
            return true;
    return false;
}
