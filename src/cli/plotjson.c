/* SPDX-License-Identifier: MIT */
/* plotjson.c - what a plot holds as JSON, for a page. Command lines and names in it are anybody's
 * words: no character of them can end the script element that they are in.
 *
 * Rows are most of it. They are differences, one list for each column: shorter by half.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/plot.h"
#include "config.h"

enum { SECOND = 1000000000 };

/* ---- values --------------------------------------------------------------------------- */

static void put_text(FILE *to, const char *text)
{
    char clean[512];
    ml_plot_text_clean(clean, text, strlen(text), sizeof(clean) - 4);
    putc('"', to);
    for (const unsigned char *at = (const unsigned char *)clean; *at != '\0'; at++) {
        bool is_separator = at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8;
        if (is_separator) {
            fprintf(to, "\\u202%x", at[2] & 0xf);
            at += 2;
        } else if (*at < ' ' || strchr("\"\\<>&'", *at) != NULL) {
            fprintf(to, "\\u%04x", *at);
        } else {
            putc(*at, to);
        }
    }
    putc('"', to);
}

static void put_named(FILE *to, const char *name, const char *text)
{
    fprintf(to, ",\"%s\":", name);
    put_text(to, text);
}

/* JSON has no word for what is not known but null. */
static void put_number(FILE *to, double value)
{
    if (isfinite(value))
        fprintf(to, "%.17g", value);
    else
        fputs("null", to);
}

/* Seconds, exactly: a double has not enough digits for nanoseconds since 1970. */
static void put_time(FILE *to, int64_t ns)
{
    uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, rest = size % SECOND;
    fprintf(to, "%s%" PRIu64, ns < 0 ? "-" : "", size / SECOND);
    if (rest == 0)
        return;
    char digits[16];
    int length = snprintf(digits, sizeof(digits), ".%09" PRIu64, rest);
    while (digits[length - 1] == '0')
        length--;
    fprintf(to, "%.*s", length, digits);
}

/* ---- rows ------------------------------------------------------------------------------- */

/* The parts of a second in which all the times are whole numbers. */
static int64_t scale_of(const struct ml_plot *plot, const struct ml_plot_log *log)
{
    int64_t scale = 1;
    for (size_t i = 0; i < log->row_count && scale < SECOND; i++)
        while (ml_plot_row_at(plot, log, i)->time_ns % (SECOND / scale) != 0)
            scale *= 10;
    return scale;
}

static void put_times(FILE *to, const struct ml_plot *plot, const struct ml_plot_log *log)
{
    int64_t scale = scale_of(plot, log);
    int64_t start = log->row_count == 0 ? 0 : ml_plot_row_at(plot, log, 0)->time_ns / SECOND;
    int64_t before = start * SECOND;
    fprintf(to, ",\"start\":%" PRId64 ",\"scale\":%" PRId64 ",\"times\":[", start, scale);
    for (size_t i = 0; i < log->row_count; i++) {
        int64_t now = ml_plot_row_at(plot, log, i)->time_ns;
        fprintf(to, "%s%" PRId64, i == 0 ? "" : ",", (now - before) / (SECOND / scale));
        before = now;
    }
    fputs("],\"breaks\":[", to);
    const char *comma = "";
    for (size_t i = 1; i < log->row_count; i++) {
        if (!ml_plot_row_at(plot, log, i)->begins)
            continue;
        fprintf(to, "%s%zu", comma, i);
        comma = ",";
    }
    putc(']', to);
}

/* Whether doubles hold the values and their differences exactly as whole numbers. */
static bool is_whole(const struct ml_plot *plot, const struct ml_plot_log *log, unsigned column)
{
    const double exact = 4503599627370496; /* 2^52 */
    for (size_t i = 0; i < log->row_count; i++) {
        double value = ml_plot_row_at(plot, log, i)->values[column];
        if (!isnan(value) && (fabs(value) > exact || value != trunc(value)))
            return false;
    }
    return true;
}

static void put_column(FILE *to, const struct ml_plot *plot, const struct ml_plot_log *log,
                       unsigned column)
{
    bool are_whole = is_whole(plot, log, column);
    int64_t before = 0;
    fprintf(to, "{\"isWhole\":%s,\"data\":[", are_whole ? "true" : "false");
    for (size_t i = 0; i < log->row_count; i++) {
        double value = ml_plot_row_at(plot, log, i)->values[column];
        if (i > 0)
            putc(',', to);
        if (are_whole && !isnan(value)) {
            fprintf(to, "%" PRId64, (int64_t)value - before);
            before = (int64_t)value;
        } else {
            put_number(to, value);
        }
    }
    fputs("]}", to);
}

/* ---- what happened beside them ------------------------------------------------------------ */

static void put_curve(FILE *to, const struct ml_plot_curve *curve)
{
    if (isnan(curve->first)) {
        fputs("null", to);
        return;
    }
    fputs("{\"first\":", to);
    put_number(to, curve->first);
    fputs(",\"last\":", to);
    put_number(to, curve->last);
    fputs(",\"least\":", to);
    put_number(to, curve->least);
    fputs(",\"mean\":", to);
    put_number(to, curve->mean);
    fputs(",\"peak\":", to);
    put_number(to, curve->peak);
    fputs(",\"peak_time\":", to);
    put_time(to, curve->peak_ns);
    putc('}', to);
}

static void put_run(FILE *to, const struct ml_plot_run *run)
{
    fputs("{\"first\":", to);
    put_time(to, run->first_ns);
    fputs(",\"last\":", to);
    put_time(to, run->last_ns);
    fprintf(to, ",\"samples\":%" PRIu64 ",\"pid\":%" PRId64 ",\"gap\":%s,\"oom\":%s", run->samples,
            run->pid, run->is_gap ? "true" : "false", run->ended_oom ? "true" : "false");
    put_named(to, "end", run->end);
    put_named(to, "command", run->command);
    putc('}', to);
}

static void put_events(FILE *to, const struct ml_plot_log *log)
{
    fputs(",\"runs\":[", to);
    for (size_t i = 0; i < log->run_count; i++) {
        fputs(i == 0 ? "\n" : ",\n", to);
        put_run(to, &log->run_list[i]);
    }
    fputs("],\"marks\":[", to);
    for (size_t i = 0; i < log->mark_count; i++) {
        const struct ml_plot_mark *mark = &log->marks[i];
        fputs(i == 0 ? "[" : ",[", to);
        put_time(to, mark->time_ns);
        fprintf(to, ",%s,", mark->is_alert ? "true" : "false");
        put_text(to, mark->text);
        putc(']', to);
    }
    fputs("],\"limits\":[", to);
    for (size_t i = 0; i < log->limit_count; i++) {
        const struct ml_plot_limit *limit = &log->limits[i];
        fputs(i == 0 ? "[" : ",[", to);
        put_time(to, limit->from_ns);
        putc(',', to);
        put_time(to, limit->to_ns);
        putc(',', to);
        put_number(to, limit->bytes);
        putc(']', to);
    }
    fputs("],\"damage\":[", to);
    const char *comma = "";
    for (int kind = 0; kind < ML_DAMAGE_KINDS; kind++) {
        char text[512];
        if (ml_damage_words(&log->damage, kind, log->label, text, sizeof(text))[0] == '\0')
            continue;
        fputs(comma, to);
        put_text(to, text);
        comma = ",";
    }
    putc(']', to);
}

static void put_log(FILE *to, const struct ml_plot *plot, const struct ml_plot_log *log)
{
    fprintf(to, "{\"samples\":%" PRIu64 ",\"pid\":%" PRId64 ",\"collections\":%" PRIu64
            ",\"lost\":%" PRIu64, log->samples, log->pid, log->collections, log->lost);
    put_named(to, "label", log->label);
    put_named(to, "command", log->command);
    put_named(to, "end", log->end);
    fprintf(to, ",\"oom\":%s,\"first\":", log->ended_oom ? "true" : "false");
    put_time(to, log->first_ns);
    fputs(",\"last\":", to);
    put_time(to, log->last_ns);
    put_events(to, log);
    fputs(",\"curves\":[", to);
    for (unsigned i = 0; i < plot->column_count; i++) {
        fputs(i == 0 ? "" : ",", to);
        put_curve(to, &log->curves[i]);
    }
    putc(']', to);
    put_times(to, plot, log);
    fputs(",\n\"columns\":[", to);
    for (unsigned i = 0; i < plot->column_count; i++) {
        fputs(i == 0 ? "" : ",\n", to);
        put_column(to, plot, log, i);
    }
    fputs("]}", to);
}

/* ---- all of it --------------------------------------------------------------------------- */

static const char *unit_of(const struct ml_plot_column *column)
{
    static const char *const names[] = {
        [ML_UNIT_BYTES] = "bytes",       [ML_UNIT_COUNT] = "count",
        [ML_UNIT_NANOSECONDS] = "ns",    [ML_UNIT_UNIX_NANOSECONDS] = "moment",
        [ML_UNIT_FRACTION] = "fraction", [ML_UNIT_PERCENT] = "percent",
        [ML_UNIT_FLAG] = "flag",
    };
    return column->field != NULL ? names[column->field->unit] : column->is_bytes ? "bytes" : "count";
}

/* What the picture calls the curve. */
static const char *label_of(const struct ml_plot *plot, unsigned column)
{
    static const char *const labels[][2] = {
        [ML_PLOT_HEAP] = { "in use (Alloc)", "system (Sys)" },
        [ML_PLOT_MIXED] = { "in use (Alloc, pss)", "system (Sys, rss)" },
        [ML_PLOT_PSS] = { "its own share (pss)", "resident (rss)" },
        [ML_PLOT_RSS] = { "resident (rss)", "resident (rss)" },
    };
    if (!plot->is_default)
        return plot->columns[column].name;
    enum ml_plot_kind kind = plot->logs[0].kind;
    for (unsigned i = 1; i < plot->log_count; i++)
        if (plot->logs[i].kind != kind)
            kind = ML_PLOT_MIXED;
    return labels[kind][column];
}

static void put_columns(FILE *to, const struct ml_plot *plot)
{
    fputs(",\"columns\":[", to);
    for (unsigned i = 0; i < plot->column_count; i++) {
        const struct ml_plot_column *column = &plot->columns[i];
        bool is_total = column->field != NULL && column->field->kind == ML_TOTAL;
        fprintf(to, "%s{\"unit\":\"%s\",\"isTotal\":%s", i == 0 ? "" : ",", unit_of(column),
                is_total ? "true" : "false");
        put_named(to, "name", column->name);
        put_named(to, "label", label_of(plot, i));
        put_named(to, "help", column->field == NULL ? "" : column->field->help);
        putc('}', to);
    }
    putc(']', to);
}

void ml_plot_put_json(FILE *to, const struct ml_plot *plot)
{
    fprintf(to, "{\"memlog\":\"%s\",\"align\":\"%s\"", PACKAGE_VERSION,
            plot->from_start ? "start" : "clock");
    put_named(to, "title", plot->title);
    fprintf(to, ",\"zone\":{\"offset\":%d", plot->zone.offset_seconds);
    put_named(to, "name", plot->zone.name);
    putc('}', to);
    put_columns(to, plot);
    fputs(",\n\"logs\":[", to);
    for (unsigned i = 0; i < plot->log_count; i++) {
        fputs(i == 0 ? "\n" : ",\n", to);
        put_log(to, plot, &plot->logs[i]);
    }
    fputs("]}", to);
}
