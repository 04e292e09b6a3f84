/* SPDX-License-Identifier: MIT */
/* plotwords.c - what a picture says in words: columns, labels, title, durations, the end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/plot.h"
#include "os/clock.h"
#include "os/process.h"

bool ml_plot_has_numbers(const struct ml_plot *plot, const struct ml_plot_log *log)
{
    for (unsigned i = 0; i < plot->column_count; i++)
        if (!isnan(log->curves[i].peak))
            return true;
    return false;
}

/* ---- text ---------------------------------------------------------------------- */

static bool is_utf8(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t bytes = ml_utf8_bytes(text + i, length - i);
        if (bytes == 0)
            return false;
        i += bytes;
    }
    return true;
}

static bool is_blank(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

char *ml_plot_text_clean(char *to, const char *text, size_t length, size_t max)
{
    while (length > 0 && is_blank(text[0])) {
        text++;
        length--;
    }
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    bool is_good = is_utf8(text, length);
    size_t kept = length > max ? max : length;
    for (size_t i = 0; i < kept; i++)
        to[i] = is_blank(text[i]) ? ' ' : !is_good && (text[i] & 0x80) ? '?' : text[i];
    for (size_t i = 0, bytes; is_good && i < kept; i += bytes) { /* what a terminal would obey */
        bytes = ml_utf8_bytes(to + i, kept - i);
        if (bytes == 0)
            break; /* cut below */
        if (ml_utf8_is_control(to + i, bytes))
            memset(to + i, ' ', bytes);
    }
    if (kept < length) {
        /* No part of a character. */
        while (is_good && kept > 0 && (text[kept] & 0xc0) == 0x80)
            kept--;
        memcpy(to + kept, "...", 3);
        kept += 3;
    }
    to[kept] = '\0';
    return to;
}

const char *ml_plot_duration_text(int64_t ns, char *text, size_t capacity)
{
    double seconds = (double)ns / ML_NS_PER_SECOND;
    if (seconds < 10)
        snprintf(text, capacity, "%.3g s", seconds);
    else if (seconds < 60)
        snprintf(text, capacity, "%.0f s", seconds);
    if (seconds < 60)
        return text;
    static const struct {
        long long unit, many;
        const char *large, *small;
    } steps[] = { { 60, 60, "min", "s" }, { 60, 24, "h", "min" }, { 24, 0, "d", "h" } };
    long long count = (long long)(seconds + 0.5);
    for (int i = 0;; i++) {
        long long large = count / steps[i].unit, small = count % steps[i].unit;
        if (steps[i].many != 0 && large >= steps[i].many) {
            count = (long long)((double)count / (double)steps[i].unit + 0.5);
            continue;
        }
        int length = snprintf(text, capacity, "%lld %s", large, steps[i].large);
        if (small != 0 && length > 0 && (size_t)length < capacity)
            snprintf(text + length, capacity - (size_t)length, " %lld %s", small, steps[i].small);
        return text;
    }
}

const char *ml_plot_end_text(const struct ml_plot_log *log, char *text, size_t capacity)
{
    /* Who only watched does not know how. */
    bool is_quiet = strcmp(log->end, "exit") == 0 || strcmp(log->end, "gone") == 0 ||
                    strcmp(log->end, "detached") == 0;
    const char *reason = !is_quiet ? log->end : log->ended_oom ? "the kernel" : "";
    snprintf(text, capacity, "%s%s", reason, log->ended_oom ? " (out of memory)" : "");
    return text;
}

/* ---- columns ---------------------------------------------------------------------- */

static bool add_column(struct ml_plot *plot, const char *name, size_t length)
{
    char word[ML_LINE_NAME_BYTES];
    snprintf(word, sizeof(word), "%.*s", (int)length, name);
    if (length == 0 || length >= sizeof(word) || strpbrk(word, " \t\"'") != NULL) {
        ml_os_complain("--columns: \"", word, "\" is no column's name", NULL);
        return false;
    }
    if (plot->column_count == ML_PLOT_COLUMNS) {
        ml_os_complain("--columns: \"", word, "\" is one curve too many", NULL);
        return false;
    }
    struct ml_plot_column *column = &plot->columns[plot->column_count++];
    memcpy(column->name, word, sizeof(word));
    column->field = ml_field_find(word, length);
    column->is_bytes = column->field != NULL && column->field->unit == ML_UNIT_BYTES;
    return true;
}

bool ml_plot_begin(struct ml_plot *plot, const struct ml_plot_want *want)
{
    memset(plot, 0, sizeof(*plot));
    plot->is_default = want->columns == NULL;
    const char *list = plot->is_default ? "Alloc,Sys" : want->columns;
    for (;;) {
        size_t length = strcspn(list, ",");
        if (!add_column(plot, list, length))
            return false;
        if (list[length] == '\0')
            return true;
        list += length + 1;
    }
}

/* ---- labels, title, zone --------------------------------------------------------------- */

/* The name's last so many parts. */
static const char *last_parts(const char *file, unsigned parts)
{
    const char *at = file + strlen(file);
    while (at > file && (at[-1] != '/' || --parts > 0))
        at--;
    return at;
}

static bool is_shared(const struct ml_plot *plot, unsigned which, unsigned parts)
{
    const char *own = last_parts(plot->logs[which].file, parts);
    for (unsigned i = 0; i < plot->log_count; i++)
        if (i != which && strcmp(plot->logs[i].file, plot->logs[which].file) != 0 &&
            strcmp(last_parts(plot->logs[i].file, parts), own) == 0)
            return true;
    return false;
}

static void name_logs(struct ml_plot *plot)
{
    enum { PARTS_MOST = 16 };
    for (unsigned i = 0; i < plot->log_count; i++) {
        struct ml_plot_log *log = &plot->logs[i];
        unsigned parts = 1;
        while (parts < PARTS_MOST && is_shared(plot, i, parts))
            parts++;
        const char *name = strcmp(log->file, "-") == 0 ? "standard input" : last_parts(log->file, parts);
        ml_plot_text_clean(log->label, name, strlen(name), sizeof(log->label) - 4);
    }
}

static void name_plot(struct ml_plot *plot)
{
    enum { TITLE_BYTES = 100 };
    char all[1024] = "";
    size_t length = 0;
    for (unsigned i = 0; i < plot->log_count; i++) {
        bool is_known = plot->logs[i].command[0] == '\0';
        for (unsigned before = 0; before < i; before++)
            is_known |= strcmp(plot->logs[before].command, plot->logs[i].command) == 0;
        if (!is_known && length + sizeof(plot->logs[i].command) + 2 < sizeof(all))
            length += (size_t)sprintf(all + length, "%s%s", length == 0 ? "" : ", ",
                                      plot->logs[i].command);
    }
    if (length == 0)
        strcpy(all, "memory over time");
    ml_plot_text_clean(plot->title, all, strlen(all), TITLE_BYTES);
}

void ml_plot_settle(struct ml_plot *plot)
{
    name_logs(plot);
    name_plot(plot);
    int64_t first_ns = INT64_MAX;
    for (unsigned i = 0; i < plot->log_count; i++)
        if (plot->logs[i].samples != 0 && plot->logs[i].first_ns < first_ns)
            first_ns = plot->logs[i].first_ns;
    ml_plot_zone_at(&plot->zone, first_ns == INT64_MAX ? 0 : first_ns);
}
