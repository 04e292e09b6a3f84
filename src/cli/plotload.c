/* SPDX-License-Identifier: MIT */
/* plotload.c - logs into what a picture is drawn from, in one pass over each. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/plotload.h"
#include "os/process.h"
#include "reading/when.h"

enum { NO_PLACE = -1, TOLD = 1 /* an error that was */ };

/* ---- what the log tells ------------------------------------------------------------ */

static void end_run(struct ml_plot_loading *loading)
{
    if (loading->run_samples != 0)
        ml_plot_run_extend(loading->to, loading->last_ns, loading->run_samples);
    ml_plot_limit_close(loading);
    ml_plot_marks_drop(loading);
    loading->pending_limit = NAN;
    loading->is_pending = false;
    loading->run_samples = 0;
    ml_reduce_break(loading->reduce);
}

static void take_gap(void *context)
{
    end_run(context);
}

/* Without its folders, which would fill the heading. */
static void add_command(struct ml_plot_loading *loading, const char *command)
{
    size_t word = strcspn(command, " ");
    const char *name = command;
    if (command[0] == '/')
        for (size_t i = 0; i < word; i++)
            if (command[i] == '/')
                name = command + i + 1;
    if (*name == '\0' || loading->command_count == ML_PLOT_COMMANDS)
        return;
    char *own = loading->commands[loading->command_count];
    ml_plot_text_clean(own, name, strlen(name), ML_PLOT_COMMAND_BYTES);
    for (unsigned i = 0; i < loading->command_count; i++)
        if (strcmp(loading->commands[i], own) == 0)
            return;
    loading->command_count++;
    struct ml_plot_log *to = loading->to;
    size_t length = strlen(to->command), more = strlen(own) + 2;
    if (length + more < sizeof(to->command)) {
        memcpy(to->command + length, ", ", length == 0 ? 0 : 2);
        strcpy(to->command + length + (length == 0 ? 0 : 2), own);
    }
}

/* The column of that name, in either spelling. */
static int place_of(const struct ml_log_run *run, const struct ml_plot_column *column)
{
    for (unsigned i = 0; i < run->count; i++)
        if (strcmp(run->names[i], column->name) == 0)
            return (int)i;
    for (unsigned i = 0; column->field != NULL && i < run->count; i++)
        if (ml_field_find(run->names[i], strlen(run->names[i])) == column->field)
            return (int)i;
    return NO_PLACE;
}

static void list_names(struct ml_plot_loading *loading, const struct ml_log_run *run)
{
    size_t length = 0;
    for (unsigned i = 0; i < run->count; i++) {
        size_t more = strlen(run->names[i]);
        if (length + more + 6 > sizeof(loading->names)) {
            strcpy(loading->names + length, " ...");
            return;
        }
        if (i > 0)
            loading->names[length++] = ' ';
        memcpy(loading->names + length, run->names[i], more + 1);
        length += more;
    }
}

static void take_run(void *context, const struct ml_log_run *run)
{
    struct ml_plot_loading *loading = context;
    struct ml_plot_log *to = loading->to;
    end_run(loading);
    add_command(loading, run->command);
    loading->is_new_run = true;
    loading->pid = run->pid;
    ml_plot_text_clean(loading->command, run->command, strlen(run->command), sizeof(loading->command) - 4);
    to->pid = run->pid;
    to->interval_ns = run->interval_ns;
    to->end[0] = '\0';
    to->has_ended = to->ended_oom = false;
    loading->is_resident = run->is_resident;
    loading->has_heap |= !run->is_resident;
    loading->alloc = run->alloc;
    loading->sys = run->sys;
    loading->as_they_stand = loading->plot->is_default && !run->is_resident && run->alloc >= 0 &&
                             run->sys == run->alloc + 1 && !loading->has_means;
    for (unsigned i = 0; i < loading->plot->column_count; i++) {
        loading->places[i] = place_of(run, &loading->plot->columns[i]);
        to->has_column[i] |= loading->places[i] != NO_PLACE ||
                             (loading->plot->is_default && (run->alloc >= 0 || run->sys >= 0));
    }
    list_names(loading, run);
}

static double value_at(const struct ml_log_sample *sample, int place)
{
    return place < 0 || (unsigned)place >= sample->count ? NAN : sample->values[place];
}

/* Of a process without memlog: pss as what is in use, rss as what it has of the system. The two
 * were read one after the other, and pss may not have been to be read. */
static void take_resident(struct ml_plot_loading *loading, const struct ml_log_sample *sample,
                          double *values)
{
    double pss = value_at(sample, loading->alloc), rss = value_at(sample, loading->sys);
    loading->has_rss = true;
    loading->has_pss |= !isnan(pss);
    values[0] = isnan(pss) ? rss : pss;
    values[1] = pss > rss ? pss : rss;
}

static void reduce_sample(struct ml_plot_loading *loading, const struct ml_log_sample *sample)
{
    double values[ML_PLOT_COLUMNS];
    if (loading->plot->is_default && loading->is_resident) {
        take_resident(loading, sample, values);
    } else if (loading->plot->is_default) {
        values[0] = value_at(sample, loading->alloc);
        values[1] = value_at(sample, loading->sys);
    } else {
        for (unsigned i = 0; i < loading->plot->column_count; i++)
            values[i] = value_at(sample, loading->places[i]);
    }
    for (unsigned i = 0; loading->has_means && i < loading->plot->column_count; i++) {
        loading->known[i] += !isnan(values[i]);
        loading->sums[i] += isnan(values[i]) ? 0 : values[i];
    }
    ml_reduce_add(loading->reduce, sample->time_ns, values);
}

static void open_run(struct ml_plot_loading *loading, int64_t now)
{
    struct ml_plot_run run = { .first_ns = now, .last_ns = now, .pid = loading->pid,
                               .is_gap = !loading->is_new_run && loading->to->run_count != 0 };
    strcpy(run.command, loading->command);
    loading->no_memory |= !ml_plot_run_begin(loading->to, &run);
    loading->is_new_run = false;
}

static void take_sample(void *context, const struct ml_log_sample *sample)
{
    struct ml_plot_loading *loading = context;
    struct ml_plot_log *to = loading->to;
    int64_t now = sample->time_ns;
    if (now < loading->from_ns || now > loading->to_ns) {
        ml_plot_marks_drop(loading);
        return;
    }
    loading->last_ns = now;
    if (loading->is_pending)
        ml_plot_waiting_settle(loading);
    if (loading->run_samples++ == 0) {
        to->runs++;
        open_run(loading, now);
    }
    if (to->samples++ == 0)
        to->first_ns = to->last_ns = now;
    if (now < to->first_ns)
        to->first_ns = now;
    if (now > to->last_ns)
        to->last_ns = now;
    if (loading->as_they_stand)
        ml_reduce_add(loading->reduce, now, sample->values + loading->alloc);
    else
        reduce_sample(loading, sample);
}

static void take_end(struct ml_plot_loading *loading, const struct ml_log_event *event)
{
    struct ml_plot_log *to = loading->to;
    ml_plot_text_clean(to->end, event->text, event->length, sizeof(to->end) - 4);
    to->ended_oom = event->number != 0;
    to->has_ended = true;
    if (loading->run_samples != 0)
        ml_plot_run_finish(to, to->end, to->ended_oom);
}

static void take_limit(struct ml_plot_loading *loading, const struct ml_log_event *event)
{
    bool is_before = event->has_time && event->time_ns < loading->from_ns;
    if (loading->run_samples != 0 && !is_before) {
        if (event->time_ns <= loading->to_ns)
            ml_plot_limit_open(loading, (double)event->number);
        return;
    }
    loading->pending_limit = (double)event->number;
    loading->is_pending = true;
}

/* "Alloc value=9 ...": the first word is what was alerted on. */
static void take_alert(struct ml_plot_loading *loading, const struct ml_log_event *event)
{
    static const char value[] = " value=";
    const char *blank = memchr(event->text, ' ', event->length);
    size_t word = blank == NULL ? event->length : (size_t)(blank - event->text);
    if (event->length - word >= strlen(value) && memcmp(blank, value, strlen(value)) == 0)
        ml_plot_mark_add(loading, true, event->text, word);
}

static void take_event(void *context, const struct ml_log_event *event)
{
    struct ml_plot_loading *loading = context;
    struct ml_plot_log *to = loading->to;
    bool is_outside =
        event->has_time && (event->time_ns < loading->from_ns || event->time_ns > loading->to_ns);
    switch (event->kind) {
    case ML_EVENT_MARK:
        if (!is_outside)
            ml_plot_mark_add(loading, false, event->text, event->length);
        break;
    case ML_EVENT_ALERT:
        if (!is_outside)
            take_alert(loading, event);
        break;
    case ML_EVENT_LIMIT:
        take_limit(loading, event);
        break;
    case ML_EVENT_GC:
        to->collections += !is_outside;
        break;
    case ML_EVENT_LOST:
        to->lost += is_outside ? 0 : event->number;
        break;
    case ML_EVENT_END:
        take_end(loading, event);
        break;
    default:
        break;
    }
}

/* ---- what it comes to -------------------------------------------------------------- */

static void take_extremes(struct ml_plot_curve *curve, double value, int64_t time_ns)
{
    if (isnan(value))
        return;
    if (isnan(curve->first)) {
        *curve = (struct ml_plot_curve){ value, value, value, value, curve->mean, time_ns };
        return;
    }
    curve->last = value;
    if (value < curve->least)
        curve->least = value;
    if (value > curve->peak) {
        curve->peak = value;
        curve->peak_ns = time_ns;
    }
}

struct filling {
    struct ml_plot_loading *loading;
    size_t capacity;
};

/* The extremes are among the rows that are left: so the millions before need no look. */
static void add_row(void *context, const struct ml_reduced *sample)
{
    struct filling *filling = context;
    struct ml_plot_log *to = filling->loading->to;
    unsigned columns = filling->loading->plot->column_count;
    size_t size = sizeof(struct ml_plot_row) + columns * sizeof(double);
    if (to->row_count == filling->capacity) {
        size_t capacity = filling->capacity == 0 ? 1024 : 2 * filling->capacity;
        char *rows = realloc(to->rows, capacity * size);
        if (rows == NULL) {
            filling->loading->no_memory = true;
            return;
        }
        to->rows = rows;
        filling->capacity = capacity;
    }
    struct ml_plot_row *row = (struct ml_plot_row *)(to->rows + to->row_count++ * size);
    row->time_ns = sample->time_ns;
    row->begins = sample->begins;
    memcpy(row->values, sample->values, columns * sizeof(double));
    for (unsigned i = 0; i < columns; i++)
        take_extremes(&to->curves[i], sample->values[i], sample->time_ns);
}

static int refresh(struct ml_plot_loading *loading)
{
    struct ml_plot_log *to = loading->to;
    free(to->rows);
    to->rows = NULL;
    to->row_count = 0;
    for (unsigned i = 0; i < ML_PLOT_COLUMNS; i++)
        to->curves[i] = (struct ml_plot_curve){ NAN, NAN, NAN, NAN, NAN, 0 };
    for (unsigned i = 0; i < loading->plot->column_count; i++)
        if (loading->known[i] != 0)
            to->curves[i].mean = loading->sums[i] / (double)loading->known[i];
    if (loading->run_samples != 0)
        ml_plot_run_extend(to, loading->last_ns, loading->run_samples);
    struct filling filling = { loading, 0 };
    ml_reduce_visit(loading->reduce, add_row, &filling);
    (void)ml_plot_limit_put(loading);
    to->kind = !loading->has_rss   ? ML_PLOT_HEAP
               : loading->has_heap ? ML_PLOT_MIXED
               : loading->has_pss  ? ML_PLOT_PSS
                                   : ML_PLOT_RSS;
    to->damage = *ml_log_damage(loading->log);
    return loading->no_memory ? -ENOMEM : 0;
}

bool ml_plot_row_is_single(const struct ml_plot *plot, const struct ml_plot_log *log, size_t index)
{
    return ml_plot_row_at(plot, log, index)->begins &&
           (index + 1 == log->row_count || ml_plot_row_at(plot, log, index + 1)->begins);
}

/* ---- one log ------------------------------------------------------------------------- */

static void close_log(struct ml_plot_log *log)
{
    struct ml_plot_loading *loading = log->loading;
    for (size_t i = 0; loading != NULL && i < loading->marks_all; i++)
        free(log->marks[i].text);
    if (loading != NULL) {
        ml_log_close(loading->log);
        ml_reduce_free(loading->reduce);
    }
    free(loading);
    free(log->marks);
    free(log->limits);
    free(log->run_list);
    free(log->rows);
    *log = (struct ml_plot_log){ 0 };
}

static bool complain(const char *file, int error)
{
    if (error == -ENOENT)
        ml_os_complain(file, ": there is no such log: run a program that writes one, or name another",
                       NULL);
    else if (error == -EISDIR)
        ml_os_complain(file, ": is a folder, not a log", NULL);
    else
        ml_os_complain(file, ": cannot be read: ", ml_os_error_text(-error), NULL);
    return false;
}

static bool choose_span(const struct ml_plot *plot, const struct ml_plot_want *want,
                        const char *file, struct ml_plot_loading *loading)
{
    loading->from_ns = plot->from_ns;
    loading->to_ns = plot->to_ns;
    const char *called = strcmp(file, "-") == 0 ? "the standard input" : file;
    return plot->has_span ||
           ml_when_range(want->from, want->to, file, called, &loading->from_ns, &loading->to_ns);
}

/* None of the columns that are wanted is a picture of nothing. */
static bool has_columns(const struct ml_plot *plot, const struct ml_plot_log *log)
{
    for (unsigned i = 0; i < plot->column_count; i++)
        if (log->has_column[i])
            return true;
    if (log->samples == 0)
        return true;
    ml_os_complain(log->file, ": has no column ", plot->columns[0].name, ": it has ",
                   log->loading->names, plot->is_default ? " (--columns chooses)" : NULL, NULL);
    return false;
}

static int open_log(const struct ml_plot *plot, const struct ml_plot_want *want,
                    struct ml_plot_log *log)
{
    int error = 0;
    struct ml_plot_loading *loading = log->loading;
    loading->log = ml_log_open(log->file, &error);
    if (loading->log == NULL)
        return error;
    loading->reduce =
        ml_reduce_new(plot->column_count, want->slices == 0 ? ML_PLOT_SLICES : want->slices);
    if (loading->reduce == NULL)
        return -ENOMEM;
    ml_log_set_progress(loading->log, want->progress, want->progress_context);
    error = ml_log_read(loading->log, &loading->visitor);
    if (!want->goes_on)
        ml_log_finish(loading->log);
    int also = refresh(loading);
    return error != 0 ? error : also;
}

int ml_plot_read_on(struct ml_plot *plot, struct ml_plot_log *log)
{
    struct ml_plot_loading *loading = log->loading;
    loading->plot = plot;
    int error = ml_log_read(loading->log, &loading->visitor);
    int also = refresh(loading);
    return error != 0 ? error : also;
}

bool ml_plot_was_rotated(const struct ml_plot_log *log)
{
    return ml_log_was_rotated(log->loading->log);
}

/* Into the next place for a log, which is left empty where that fails. 0, or an errno's negative;
 * TOLD after one line on stderr. */
static int load(struct ml_plot *plot, const struct ml_plot_want *want, const char *file)
{
    struct ml_plot_log *log = &plot->logs[plot->log_count];
    struct ml_plot_loading *loading = calloc(1, sizeof(*loading));
    *log = (struct ml_plot_log){ .file = file, .loading = loading };
    if (loading == NULL)
        return -ENOMEM;
    *loading = (struct ml_plot_loading){
        .to = log, .plot = plot, .alloc = NO_PLACE, .sys = NO_PLACE, .pending_limit = NAN,
        .has_means = want->means,
        .visitor = { loading, take_run, take_sample, take_event, take_gap }
    };
    int error = choose_span(plot, want, file, loading) ? open_log(plot, want, log) : TOLD;
    if (error == 0 && !has_columns(plot, log))
        error = TOLD;
    if (error == 0 && want->goes_on) {
        plot->has_span = true;
        plot->from_ns = loading->from_ns;
        plot->to_ns = loading->to_ns;
    }
    if (error != 0)
        close_log(log);
    plot->log_count += error == 0;
    return error;
}

bool ml_plot_add(struct ml_plot *plot, const struct ml_plot_want *want, const char *file)
{
    if (plot->log_count == ML_PLOT_LOGS) {
        ml_os_complain(file, ": is one log too many for one picture", NULL);
        return false;
    }
    int error = load(plot, want, file);
    return error < 0 ? complain(file, error) : error == 0;
}

bool ml_plot_reopen(struct ml_plot *plot, const struct ml_plot_want *want)
{
    struct ml_plot_log old = plot->logs[0];
    const char *file = old.file;
    struct stat now;
    if (stat(file, &now) != 0 || now.st_size == 0)
        return true;
    plot->log_count = 0;
    int error = load(plot, want, file);
    if (error == -ENOENT) { /* gone again: it is put aside at this very moment */
        plot->logs[0] = old;
        plot->log_count = 1;
        return true;
    }
    close_log(&old);
    return error < 0 ? complain(file, error) : error == 0;
}

void ml_plot_end(struct ml_plot *plot)
{
    while (plot->log_count > 0)
        close_log(&plot->logs[--plot->log_count]);
}
