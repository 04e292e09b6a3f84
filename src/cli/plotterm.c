/* SPDX-License-Identifier: MIT */
/* plotterm.c - a plot in characters of our own: a line of bars for each curve, and its numbers. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/plotdraw.h"
#include "cli/units.h"
#include "os/clock.h"

enum { CELLS_MOST = 512, CELLS_LEAST = 10, NAME_BYTES = 128, NUMBERS_BYTES = 96, LEVELS = 8 };

/* ---- what each cell shows ------------------------------------------------------------- */

struct cells {
    unsigned count;
    int64_t first_ns;
    double width_ns;
    double highest[CELLS_MOST]; /* NAN: nothing is known */
};

static void raise(struct cells *cells, unsigned cell, double value)
{
    double *highest = &cells->highest[cell];
    if (isnan(*highest) || value > *highest)
        *highest = value;
}

static unsigned cell_of(const struct cells *cells, int64_t time_ns)
{
    double at = cells->width_ns > 0 ? (double)(time_ns - cells->first_ns) / cells->width_ns : 0;
    return at < 0 ? 0 : at >= cells->count ? cells->count - 1 : (unsigned)at;
}

/* The line between two samples, where they are many cells apart. */
static void bridge(struct cells *cells, int64_t from_ns, double from, int64_t to_ns, double to)
{
    unsigned left = cell_of(cells, from_ns), right = cell_of(cells, to_ns);
    for (unsigned cell = left + 1; cell < right; cell++) {
        double at = (double)cells->first_ns + (cell + (to > from)) * cells->width_ns;
        raise(cells, cell, from + (to - from) * (at - (double)from_ns) / (double)(to_ns - from_ns));
    }
}

static void fill_cells(struct cells *cells, const struct ml_plot *plot, const struct ml_plot_log *log,
                       unsigned column, int64_t shift_ns)
{
    for (unsigned i = 0; i < cells->count; i++)
        cells->highest[i] = NAN;
    const struct ml_plot_row *before = NULL;
    for (size_t i = 0; i < log->row_count; i++) {
        const struct ml_plot_row *row = ml_plot_row_at(plot, log, i);
        double value = row->values[column];
        if (row->begins)
            before = NULL;
        if (isnan(value))
            continue;
        raise(cells, cell_of(cells, row->time_ns - shift_ns), value);
        if (before != NULL && row->time_ns > before->time_ns)
            bridge(cells, before->time_ns - shift_ns, before->values[column], row->time_ns - shift_ns,
                   value);
        before = row;
    }
}

/* ---- lines --------------------------------------------------------------------------- */

struct line {
    const struct ml_plot_log *log;
    unsigned column;
    char name[NAME_BYTES];
    char numbers[NUMBERS_BYTES];
};

static const char *number_text(double value, bool is_bytes, char *text, size_t capacity)
{
    if (is_bytes)
        return ml_bytes_text(value > 0 ? (uint64_t)value : 0, text, capacity);
    snprintf(text, capacity, value > -1e15 && value < 1e15 && value == (double)(int64_t)value ? "%.0f" : "%.6g", value);
    return text;
}

static void fill_line(struct line *line, const struct ml_plot *plot, const struct ml_plot_log *log,
                      unsigned column)
{
    char least[32], peak[32], last[32];
    const struct ml_plot_curve *curve = &log->curves[column];
    bool is_bytes = plot->columns[column].is_bytes;
    line->log = log;
    line->column = column;
    snprintf(line->name, sizeof(line->name), "%s%s%s", plot->log_count > 1 ? log->label : "",
             plot->log_count > 1 ? " " : "", plot->columns[column].name);
    snprintf(line->numbers, sizeof(line->numbers), "min %s  max %s  last %s",
             number_text(curve->least, is_bytes, least, sizeof(least)),
             number_text(curve->peak, is_bytes, peak, sizeof(peak)),
             number_text(curve->last, is_bytes, last, sizeof(last)));
}

static unsigned fill_lines(struct line *lines, const struct ml_plot *plot)
{
    unsigned count = 0;
    for (unsigned log = 0; log < plot->log_count; log++)
        for (unsigned i = 0; i < plot->column_count; i++)
            if (!isnan(plot->logs[log].curves[i].peak))
                fill_line(&lines[count++], plot, &plot->logs[log], i);
    return count;
}

static unsigned characters(const char *text)
{
    unsigned count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void put_padded(FILE *to, const char *text, unsigned width)
{
    unsigned have = characters(text);
    fprintf(to, "%s%*s", text, (int)(have < width ? width - have : 0), "");
}

static void put_cells(FILE *to, const struct cells *cells, double top, bool is_ascii)
{
    static const char *const blocks[LEVELS] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    static const char *const plain[LEVELS] = { "_", ".", ":", "-", "=", "+", "*", "#" };
    for (unsigned i = 0; i < cells->count; i++) {
        double value = cells->highest[i];
        int level = top > 0 ? (int)(value / top * LEVELS) : 0;
        level = level < 0 ? 0 : level >= LEVELS ? LEVELS - 1 : level;
        fputs(isnan(value) ? " " : is_ascii ? plain[level] : blocks[level], to);
    }
}

/* Curves of bytes are as high as the highest of them, so that they can be compared; others by
 * themselves. */
static double top_of(const struct ml_plot *plot, const struct line *lines, unsigned count,
                     const struct line *line)
{
    bool is_bytes = plot->columns[line->column].is_bytes;
    double top = 0;
    for (unsigned i = 0; i < count; i++) {
        bool counts = is_bytes ? plot->columns[lines[i].column].is_bytes
                               : lines[i].column == line->column;
        double peak = lines[i].log->curves[lines[i].column].peak;
        if (counts && peak > top)
            top = peak;
    }
    return top;
}

/* ---- what stands above --------------------------------------------------------------- */

/* So many characters of it at most; how many. */
static unsigned put_some(FILE *to, const char *text, unsigned most, bool is_ascii)
{
    unsigned have = 0;
    for (; *text != '\0'; text++) {
        bool begins = ((unsigned char)*text & 0xc0) != 0x80;
        if (begins && have == most)
            break;
        have += begins;
        if (!is_ascii || begins)
            fputc(is_ascii && (*text & 0x80) ? '?' : *text, to);
    }
    return have;
}

/* On one line, of which the title leaves room for the times. */
static void put_cut(FILE *to, const char *title, const char *rest,
                    const struct ml_plot_task *task)
{
    enum { TITLE_LEAST = 8, DOTS = 3 };
    unsigned columns = task->size.columns, taken = characters(rest), have;
    unsigned room = columns < taken + TITLE_LEAST ? TITLE_LEAST : columns - taken;
    if (characters(title) > room) {
        have = put_some(to, title, room - DOTS, task->is_ascii) + DOTS;
        fputs("...", to);
    } else {
        have = put_some(to, title, room, task->is_ascii);
    }
    put_some(to, rest, columns > have ? columns - have : 0, task->is_ascii);
    fputc('\n', to);
}

static void put_heading(FILE *to, const struct ml_plot *plot, const struct ml_plot_task *task)
{
    const char *between = task->is_ascii ? ", " : " · ";
    char span[48], end[64], start[64] = "";
    int64_t first, last;
    ml_plot_span(plot, &first, &last);
    time_t seconds = (time_t)(first / ML_NS_PER_SECOND);
    struct tm tm;
    if (localtime_r(&seconds, &tm) != NULL)
        strftime(start, sizeof(start), "%Y-%m-%d %H:%M:%S ", &tm);
    char text[512];
    snprintf(text, sizeof(text), "%s%s%s%s%s", between,
             plot->from_start ? "each from its start" : start, plot->from_start ? "" : plot->zone.name,
             between, ml_plot_duration_text(last - first, span, sizeof(span)));
    const struct ml_plot_log *log = &plot->logs[0];
    size_t length = strlen(text);
    if (plot->log_count == 1 && log->runs > 1 && length < sizeof(text))
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%u runs", between, log->runs);
    if (plot->log_count == 1 && ml_plot_end_text(log, end, sizeof(end))[0] != '\0' && length < sizeof(text))
        snprintf(text + length, sizeof(text) - length, "%sended by %s", between, end);
    put_cut(to, plot->title, text, task);
}

static const char *colour_of(unsigned column, bool is_coloured)
{
    static const char *const colours[] = { "\033[34m", "\033[33m", "\033[32m", "\033[35m", "\033[31m",
                                           "\033[36m" };
    return is_coloured ? colours[column % (sizeof(colours) / sizeof(colours[0]))] : "";
}

void ml_plot_term(const struct ml_plot *plot, const struct ml_plot_task *task, FILE *to)
{
    static struct line lines[ML_PLOT_LOGS * ML_PLOT_COLUMNS]; /* large */
    static struct cells cells;
    unsigned count = fill_lines(lines, plot), names = 0, numbers = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned name = characters(lines[i].name), number = characters(lines[i].numbers);
        names = name > names ? name : names;
        numbers = number > numbers ? number : numbers;
    }
    unsigned taken = names + 1 + 2 + numbers, columns = task->size.columns;
    int64_t first, last;
    ml_plot_span(plot, &first, &last);
    cells.count = columns < taken + CELLS_LEAST ? CELLS_LEAST : columns - taken;
    cells.count = cells.count > CELLS_MOST ? CELLS_MOST : cells.count;
    cells.first_ns = first;
    cells.width_ns = (double)(last - first) / cells.count;
    put_heading(to, plot, task);
    for (unsigned i = 0; i < count; i++) {
        const struct line *line = &lines[i];
        fill_cells(&cells, plot, line->log, line->column, plot->from_start ? line->log->first_ns : 0);
        put_padded(to, line->name, names + 1);
        fputs(colour_of(line->column, task->is_coloured), to);
        put_cells(to, &cells, top_of(plot, lines, count, line), task->is_ascii);
        fprintf(to, "%s  %s\n", task->is_coloured ? "\033[0m" : "", line->numbers);
    }
}
