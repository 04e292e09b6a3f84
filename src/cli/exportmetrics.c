/* SPDX-License-Identifier: MIT */
/* exportmetrics.c - a log as OpenMetrics 1.0 with times, for a database to be filled with it:
 * promtool tsdb create-blocks-from openmetrics FILE FOLDER.
 *
 * All samples of a family stand together there, and a log has all families in each line. So the log
 * is read once for each column, which takes time and no memory. It may grow or be rotated meanwhile:
 * each pass reads what the first one did. Times are in milliseconds, as Prometheus keeps them, and
 * increase within a run; runs are told apart by the label run.
 */
#include "cli/exporter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exportnames.h"
#include "os/clock.h"
#include "stats/prometheus.h"

struct metrics {
    struct ml_exporter *exporter;
    const struct ml_column *column; /* of this pass */
    int place;                      /* in the run at hand; -1: that has it not */
    char name[ML_METRIC_BYTES];
    char labels[64];
    uint64_t late; /* samples of this pass that are not later than the one before */
    int64_t last_ms;
};

/* ---- one column ------------------------------------------------------------------------- */

static void begin_run(void *context, const struct ml_log_run *run)
{
    struct metrics *metrics = context;
    metrics->place = ml_column_place(metrics->column, run);
    metrics->last_ms = INT64_MIN;
    if (run->pid == 0)
        snprintf(metrics->labels, sizeof(metrics->labels), "{run=\"%u\"} ", run->number);
    else
        snprintf(metrics->labels, sizeof(metrics->labels), "{pid=\"%" PRId64 "\",run=\"%u\"} ",
                 run->pid, run->number);
}

/* Exact, from the log's text, in the unit that the name says. */
static void write_value(struct ml_text *text, const struct ml_field *field,
                        const struct ml_word *word)
{
    union {
        uint64_t u64;
        int64_t i64;
        uint32_t u32;
        double number;
        bool flag;
    } value;
    bool is_as_it_stands = field == NULL || field->unit == ML_UNIT_COUNT ||
                           field->unit == ML_UNIT_FLAG || field->unit == ML_UNIT_FRACTION;
    char digits[24];
    snprintf(digits, sizeof(digits), "%.*s", word->length < sizeof(digits) ? (int)word->length : 0,
             word->at);
    bool is_whole = digits[0] != '\0' && digits[strspn(digits, "-0123456789")] == '\0';
    if (is_as_it_stands || !is_whole) {
        ml_text_bytes(text, word->at, word->length);
        return;
    }
    memset(&value, 0, sizeof(value));
    if (field->type == ML_TYPE_I64)
        value.i64 = strtoll(digits, NULL, 10);
    else if (field->type == ML_TYPE_U32)
        value.u32 = (uint32_t)strtoul(digits, NULL, 10);
    else
        value.u64 = strtoull(digits, NULL, 10);
    ml_prometheus_number(text, field, &value);
}

static void write_line(const struct metrics *metrics, const struct ml_word *word, int64_t ms)
{
    char line[512];
    struct ml_text text;
    ml_text_init(&text, line, sizeof(line));
    ml_text_string(&text, metrics->name);
    ml_text_string(&text, metrics->labels);
    write_value(&text, metrics->column->field, word);
    ml_text_char(&text, ' ');
    ml_text_i64(&text, ms / 1000);
    if (ms % 1000 != 0) {
        ml_text_char(&text, '.');
        ml_text_u64_padded(&text, (uint64_t)(ms % 1000), 3);
    }
    ml_text_char(&text, '\n');
    if (ml_text_finish(&text) < sizeof(line))
        fwrite_unlocked(line, 1, text.length, metrics->exporter->out);
}

static void write_sample(void *context, const struct ml_log_sample *sample)
{
    struct metrics *metrics = context;
    struct ml_word words[ML_LINE_COLUMNS + 1];
    int place = metrics->place;
    int64_t ms = sample->time_ns / ML_NS_PER_MS;
    if (!ml_exporter_wants(metrics->exporter, sample->time_ns))
        return;
    if (ms <= metrics->last_ms || sample->time_ns < 0) {
        metrics->late++;
        return;
    }
    metrics->last_ms = ms;
    if (place < 0)
        return;
    ml_exporter_split(sample, words);
    if (words[place + 1].length == 0 || sample->values[place] != sample->values[place])
        return; /* not known */
    write_line(metrics, &words[place + 1], ms);
    ml_exporter_check(metrics->exporter);
}

static void write_family(struct metrics *metrics)
{
    const struct ml_log_visitor visitor = { .context = metrics,
                                            .run = begin_run,
                                            .sample = write_sample };
    const struct ml_field *field = metrics->column->field;
    char lines[1024];
    struct ml_text text;
    ml_text_init(&text, lines, sizeof(lines));
    ml_openmetrics_family(&text, metrics->name,
                          field == NULL ? ML_GAUGE : (enum ml_field_kind)field->kind,
                          ml_export_help(metrics->column));
    ml_text_finish(&text);
    fputs(lines, metrics->exporter->out);
    metrics->late = 0;
    ml_exporter_read(metrics->exporter, &visitor);
}

/* ---- all of them --------------------------------------------------------------------------- */

/* Whether an earlier column has that name: a family can't occur twice. */
static bool is_taken(const struct ml_columns *columns, unsigned at, const char *name)
{
    char other[ML_METRIC_BYTES];
    for (unsigned i = 0; i < at; i++)
        if (strcmp(ml_export_metric(&columns->list[i], other), name) == 0)
            return true;
    return false;
}

void ml_export_metrics(struct ml_exporter *exporter)
{
    struct metrics metrics = { .exporter = exporter };
    const struct ml_columns *columns = &exporter->columns;
    for (unsigned i = 0; i < columns->count; i++) {
        metrics.column = &columns->list[i];
        ml_export_metric(metrics.column, metrics.name);
        if (!is_taken(columns, i, metrics.name))
            write_family(&metrics);
    }
    fputs("# EOF\n", exporter->out);
    if (metrics.late != 0)
        fprintf(stderr,
                "memlog: %s: %" PRIu64
                " sample%s left out: not later than the one before in its run\n",
                exporter->source.name, metrics.late, metrics.late == 1 ? "" : "s");
}
