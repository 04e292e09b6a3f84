/* SPDX-License-Identifier: MIT */
/* plotdata.c - a plot in gnuplot's own language, as plot/mem.plot and plot/overlay.plot load it.
 *
 * Everything that is text in a log stands inside data blocks, where nothing is ever executed.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "cli/plotdraw.h"
#include "os/clock.h"

enum { NUMBER_BYTES = 48 }; /* as text */

/* Seconds as gnuplot should read them: never an integer, which would overflow. */
static void add_time(struct ml_text *text, int64_t ns)
{
    uint64_t distance = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    uint64_t fraction = distance % ML_NS_PER_SECOND;
    unsigned width = 9;
    for (; width > 1 && fraction % 10 == 0; width--)
        fraction /= 10;
    ml_text_string(text, ns < 0 ? "-" : "");
    ml_text_u64(text, distance / ML_NS_PER_SECOND);
    ml_text_char(text, '.');
    ml_text_u64_padded(text, fraction, width);
}

static void add_number(struct ml_text *text, double value)
{
    char digits[NUMBER_BYTES];
    if (isnan(value)) {
        ml_text_string(text, "NaN");
    } else if (value > -1e18 && value < 1e18 && value == (double)(int64_t)value) {
        ml_text_i64(text, (int64_t)value);
        ml_text_string(text, ".0");
    } else {
        snprintf(digits, sizeof(digits), "%.9g", value);
        ml_text_string(text, digits);
    }
}

static void put_time(FILE *to, int64_t ns)
{
    char bytes[NUMBER_BYTES];
    struct ml_text text;
    ml_text_init(&text, bytes, sizeof(bytes));
    add_time(&text, ns);
    ml_text_finish(&text);
    fputs(bytes, to);
}

static void put_number(FILE *to, double value)
{
    char bytes[NUMBER_BYTES];
    struct ml_text text;
    ml_text_init(&text, bytes, sizeof(bytes));
    add_number(&text, value);
    ml_text_finish(&text);
    fputs(bytes, to);
}

static void put_variable(FILE *to, const char *name, double value)
{
    fprintf(to, "%s = ", name);
    put_number(to, isnan(value) ? 0 : value);
    fputc('\n', to);
}

static void put_moment(FILE *to, const char *name, int64_t ns)
{
    fprintf(to, "%s = ", name);
    put_time(to, ns);
    fputc('\n', to);
}

static void begin_block(FILE *to, const char *name)
{
    fprintf(to, "$%s << END_OF_BLOCK\n", name);
}

static void end_block(FILE *to)
{
    fputs("END_OF_BLOCK\n", to);
}

/* ---- beside the curves ------------------------------------------------------------- */

static void put_words(FILE *to, const struct ml_plot *plot)
{
    enum { HEADING_BYTES = 54 };
    const struct ml_plot_log *log = &plot->logs[0];
    bool is_one = plot->log_count == 1;
    const char *name = is_one ? log->command : plot->title;
    char text[256];
    begin_block(to, "memlog_text");
    fprintf(to, "command %s\n", ml_plot_text_clean(text, name, strlen(name), HEADING_BYTES));
    if (is_one && log->pid != 0)
        fprintf(to, "pid %" PRId64 "\n", log->pid);
    else
        fputs("pid \n", to);
    int64_t first, last;
    ml_plot_span(plot, &first, &last);
    fprintf(to, "span %s\n", ml_plot_duration_text(last - first, text, sizeof(text)));
    fprintf(to, "end %s\n", is_one ? ml_plot_end_text(log, text, sizeof(text)) : "");
    end_block(to);
}

static void put_limit(FILE *to, const struct ml_plot_limit *limit)
{
    if (limit->from_ns >= limit->to_ns)
        return;
    put_time(to, limit->from_ns);
    fputc(' ', to);
    put_time(to, limit->to_ns);
    fputc(' ', to);
    put_number(to, limit->bytes);
    fputc('\n', to);
}

/* Those that nothing to be seen is between become one, if they are the same, or shorter than a pixel: then
 * the lowest. Each is a line of gnuplot's, and ten thousand take it minutes. */
static void put_limits(FILE *to, const struct ml_plot_log *log, const struct ml_plot_size *size)
{
    int64_t pixel = (log->last_ns - log->first_ns) / size->width;
    struct ml_plot_limit some = { 0 };
    begin_block(to, "memlog_limits");
    for (size_t i = 0; i < log->limit_count; i++) {
        const struct ml_plot_limit *limit = &log->limits[i];
        int64_t between = limit->from_ns - some.to_ns;
        bool is_next = i > 0 && (between == 0 || (between > 0 && between < pixel));
        bool are_short = limit->to_ns - limit->from_ns < pixel && some.to_ns - some.from_ns < pixel;
        if (is_next && (are_short || limit->bytes == some.bytes)) {
            some.to_ns = limit->to_ns;
            some.bytes = limit->bytes < some.bytes ? limit->bytes : some.bytes;
            continue;
        }
        put_limit(to, &some);
        some = *limit;
    }
    put_limit(to, &some);
    end_block(to);
}

static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Label of each mark: the first of three lines of text where it is free, right of the mark or, near
 * the end, left of it; none where all three are taken. One without a label a pixel or less from the
 * one before is not seen, and ten thousand take gnuplot minutes. */
static void put_marks(FILE *to, const struct ml_plot *plot, const struct ml_plot_size *size)
{
    enum { LANES = 3, MARGINS = 18 };
    double inner_columns = size->columns < 2 * MARGINS ? size->columns / 2.0 : size->columns - MARGINS;
    const struct ml_plot_log *log = &plot->logs[0];
    double span = (double)(log->last_ns - log->first_ns), drawn = 0, lane_end[LANES] = { 0 };
    unsigned lanes = 0;
    begin_block(to, "memlog_marks");
    for (size_t i = 0; i < log->mark_count; i++) {
        const struct ml_plot_mark *mark = &log->marks[i];
        double at = span > 0 ? (double)(mark->time_ns - log->first_ns) / span : 0;
        double width = ((double)text_width(mark->text) + 1.5) / inner_columns;
        bool is_left = at + width > 1;
        unsigned lane = 0;
        while (lane < LANES && (is_left ? at - width : at) < lane_end[lane])
            lane++;
        if (lane < LANES)
            lane_end[lane] = is_left ? at : at + width;
        if (lane < LANES && lane + 1 > lanes)
            lanes = lane + 1;
        if (lane == LANES && at >= drawn && at - drawn < 1.0 / size->width)
            continue;
        drawn = at;
        put_time(to, mark->time_ns);
        fprintf(to, " %u %s %s %s\n", lane + 1, mark->is_alert ? "alert" : "mark",
                is_left ? "right" : "left", mark->text);
    }
    end_block(to);
    fprintf(to, "memlog_lanes = %u\n", lanes);
}

/* ---- the curves ---------------------------------------------------------------------- */

/* There are tens of thousands of these: with stdio's formats they were a sixth of what five million
 * samples take (make bench BENCH=plot). */
static void put_values(FILE *to, int64_t time_ns, const double *values, unsigned columns)
{
    char line[(ML_PLOT_COLUMNS + 1) * NUMBER_BYTES];
    struct ml_text text;
    ml_text_init(&text, line, sizeof(line));
    add_time(&text, time_ns);
    for (unsigned i = 0; i < columns; i++) {
        ml_text_char(&text, ' ');
        add_number(&text, values[i]);
    }
    ml_text_char(&text, '\n');
    ml_text_finish(&text);
    fwrite_unlocked(line, 1, text.length, to);
}

static void put_row(FILE *to, const struct ml_plot_row *row, unsigned columns, int64_t shift_ns)
{
    put_values(to, row->time_ns - shift_ns, row->values, columns);
}

/* Whether the row is a spike of some curve that can be seen as one. */
static bool is_spike(const struct ml_plot_log *log, const struct ml_plot_row *before,
                     const struct ml_plot_row *row, const struct ml_plot_row *after, unsigned columns)
{
    for (unsigned i = 0; i < columns; i++) {
        double up = row->values[i] - before->values[i], down = row->values[i] - after->values[i];
        double least = log->curves[i].peak / 40;
        if ((up > least && down > least) || (up < -least && down < -least))
            return true;
    }
    return false;
}

/* Of a spike between samples that were left out the sides stand upright, as with all of them, where
 * a line from the row before would lean. */
static void put_rows(FILE *to, const struct ml_plot *plot, const struct ml_plot_log *log,
                     int64_t shift_ns)
{
    unsigned columns = plot->column_count;
    int64_t step = log->samples < 2 || log->row_count == log->samples
                       ? INT64_MAX : (log->last_ns - log->first_ns) / (int64_t)(log->samples - 1);
    const struct ml_plot_row *before = NULL;
    for (size_t i = 0; i < log->row_count; i++) {
        const struct ml_plot_row *row = ml_plot_row_at(plot, log, i);
        const struct ml_plot_row *after = i + 1 < log->row_count ? ml_plot_row_at(plot, log, i + 1) : row;
        if (i > 0 && row->begins)
            fputc('\n', to);
        bool is_one = before != NULL && !row->begins && !after->begins &&
                      is_spike(log, before, row, after, columns);
        if (is_one && (row->time_ns - before->time_ns) / 2 > step)
            put_values(to, row->time_ns - step - shift_ns, before->values, columns);
        put_row(to, row, columns, shift_ns);
        if (is_one && (after->time_ns - row->time_ns) / 2 > step)
            put_values(to, row->time_ns + step - shift_ns, after->values, columns);
        before = row;
    }
}

/* The runs that have no curve. */
static void put_singles(FILE *to, const struct ml_plot *plot, const struct ml_plot_log *log,
                        int64_t shift_ns)
{
    for (size_t i = 0; i < log->row_count; i++)
        if (ml_plot_row_is_single(plot, log, i))
            put_row(to, ml_plot_row_at(plot, log, i), plot->column_count, shift_ns);
}

static void put_span(FILE *to, const struct ml_plot *plot)
{
    int64_t first, last;
    ml_plot_span(plot, &first, &last);
    put_moment(to, "memlog_t0", first);
    put_moment(to, "memlog_t1", last);
}

void ml_plot_span(const struct ml_plot *plot, int64_t *first_ns, int64_t *last_ns)
{
    *first_ns = INT64_MAX;
    *last_ns = INT64_MIN;
    for (unsigned i = 0; i < plot->log_count; i++) {
        const struct ml_plot_log *log = &plot->logs[i];
        int64_t shift_ns = plot->from_start ? log->first_ns : 0;
        if (log->samples == 0)
            continue;
        *first_ns = log->first_ns - shift_ns < *first_ns ? log->first_ns - shift_ns : *first_ns;
        *last_ns = log->last_ns - shift_ns > *last_ns ? log->last_ns - shift_ns : *last_ns;
    }
    if (*first_ns > *last_ns)
        *first_ns = *last_ns = 0;
}

void ml_plot_put_memory(FILE *to, const struct ml_plot *plot, const struct ml_plot_size *size)
{
    const struct ml_plot_log *log = &plot->logs[0];
    bool has_any = log->samples != 0 && ml_plot_has_numbers(plot, log);
    fprintf(to, "memlog_n = %" PRIu64 "\nmemlog_runs = %u\n", has_any ? log->samples : 0, log->runs);
    if (!has_any)
        return;
    put_span(to, plot);
    put_variable(to, "memlog_alloc", log->curves[0].peak);
    put_moment(to, "memlog_alloc_t", log->curves[0].peak_ns);
    put_variable(to, "memlog_sys", log->curves[1].peak);
    fprintf(to, "memlog_kind = %d\n", (int)log->kind);
    put_words(to, plot);
    put_limits(to, log, size);
    begin_block(to, "memlog_singles");
    put_singles(to, plot, log, 0);
    end_block(to);
    put_marks(to, plot, size);
    begin_block(to, "memlog_data");
    put_rows(to, plot, log, 0);
    end_block(to);
}

/* ---- several logs, other columns -------------------------------------------------------- */

static bool has_singles(const struct ml_plot *plot, const struct ml_plot_log *log, unsigned column)
{
    for (size_t i = 0; i < log->row_count; i++)
        if (ml_plot_row_is_single(plot, log, i) && !isnan(ml_plot_row_at(plot, log, i)->values[column]))
            return true;
    return false;
}

/* Which column, which log, whether in bytes, whether some runs have a single sample, its peak, what
 * it is called. */
static void put_curve_list(FILE *to, const struct ml_plot *plot)
{
    begin_block(to, "memlog_curves");
    for (unsigned log = 0; log < plot->log_count; log++)
        for (unsigned i = 0; i < plot->column_count; i++) {
            const struct ml_plot_curve *curve = &plot->logs[log].curves[i];
            if (isnan(curve->peak))
                continue;
            fprintf(to, "%u %u %d %d ", i, log, plot->columns[i].is_bytes,
                    has_singles(plot, &plot->logs[log], i));
            put_number(to, curve->peak);
            fprintf(to, " %s%s%s\n", plot->log_count > 1 ? plot->logs[log].label : "",
                    plot->log_count > 1 ? " " : "", plot->columns[i].name);
        }
    end_block(to);
}

void ml_plot_put_overlay(FILE *to, const struct ml_plot *plot, const struct ml_plot_size *size)
{
    uint64_t samples = 0;
    unsigned runs = 0;
    for (unsigned i = 0; i < plot->log_count; i++) {
        samples += plot->logs[i].samples;
        runs += plot->logs[i].runs;
    }
    fprintf(to, "memlog_n = %" PRIu64 "\nmemlog_runs = %u\nmemlog_logs = %u\n", samples, runs,
            plot->log_count);
    fprintf(to, "memlog_from_start = %d\n", plot->from_start);
    put_span(to, plot);
    put_words(to, plot);
    put_curve_list(to, plot);
    if (plot->log_count == 1) {
        put_limits(to, &plot->logs[0], size);
        put_marks(to, plot, size);
    } else {
        fputs("$memlog_limits << END_OF_BLOCK\nEND_OF_BLOCK\n"
              "$memlog_marks << END_OF_BLOCK\nEND_OF_BLOCK\nmemlog_lanes = 0\n", to);
    }
    /* gnuplot parts logs by two blank lines; one breaks a curve. */
    begin_block(to, "memlog_data");
    for (unsigned i = 0; i < plot->log_count; i++) {
        fputs(i == 0 ? "" : "\n\n", to);
        put_rows(to, plot, &plot->logs[i], plot->from_start ? plot->logs[i].first_ns : 0);
    }
    end_block(to);
    begin_block(to, "memlog_singles");
    for (unsigned i = 0; i < plot->log_count; i++) {
        fputs(i == 0 ? "" : "\n\n", to);
        put_singles(to, plot, &plot->logs[i], plot->from_start ? plot->logs[i].first_ns : 0);
        /* A part without a line would not be one. */
        fputs("NaN NaN\n", to);
    }
    end_block(to);
}
