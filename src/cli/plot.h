/* SPDX-License-Identifier: MIT */
/* plot.h - what a picture of logs is drawn from: of each log its curves, reduced, and what happened
 * beside them. Whoever draws (gnuplot, a page, characters) takes everything from here.
 *
 * Times are nanoseconds since 1970, as the log has them; numbers are as the log has them too: bytes
 * are bytes. Texts are valid UTF-8 without control characters and of a length for pictures.
 */
#ifndef ML_CLI_PLOT_H
#define ML_CLI_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "reading/damage.h"
#include "reading/line.h"
#include "reading/log.h"
#include "reading/reduce.h"
#include "stats/fields.h"

enum {
    ML_PLOT_COLUMNS = ML_REDUCE_CURVES,
    ML_PLOT_LOGS = 16,
    /* About three to a pixel: with half as many, steps and teeth of some lengths differ by thousands of
     * pixels from the picture of all samples, with these by none. */
    ML_PLOT_SLICES = 3000,
    /* A page can be zoomed, and is to be below 3 MB whatever is in the log. */
    ML_PLOT_PAGE_SLICES = 10000
};

/* A curve that is wanted, of each log. */
struct ml_plot_column {
    char name[ML_LINE_NAME_BYTES]; /* as the log's header has it: "Alloc", "Sys", "rss" */
    const struct ml_field *field;  /* NULL: none of memlog's */
    bool is_bytes;
};

/* What a log's samples say of a column. All are NAN where it has none. */
struct ml_plot_curve {
    double first, last, least, peak;
    double mean;     /* of all samples that have it; NAN unless it was wanted */
    int64_t peak_ns; /* where it was that high first */
};

struct ml_plot_mark {
    int64_t time_ns; /* of the sample before it; of the first one, where there is none */
    bool is_alert;   /* else a mark */
    char *text;      /* the mark's name; what was alerted on */
};

struct ml_plot_limit { /* was in force from the one sample to the other */
    int64_t from_ns, to_ns;
    double bytes;
};

/* A run of the program, or what follows a gap in one: a curve that hangs together. */
struct ml_plot_run {
    int64_t first_ns, last_ns; /* its first and its last sample */
    uint64_t samples;
    int64_t pid;      /* 0: not known */
    bool is_gap;      /* the program is the one of the run before */
    bool ended_oom;   /* the kernel killed it for lack of memory */
    char end[40];     /* as its end line says; "" */
    char command[160]; /* with its folders; "" where it is not known */
};

struct ml_plot_row {
    int64_t time_ns; /* may be before that of the row above */
    bool begins;     /* not connected with the row above: another run, a gap */
    double values[]; /* as many as the plot has columns; NAN: not known */
};

/* What the two curves of memory are called: memlog's numbers; those, and the system's in runs
 * without memlog (pss and rss); the system's alone; rss alone. */
enum ml_plot_kind { ML_PLOT_HEAP, ML_PLOT_MIXED, ML_PLOT_PSS, ML_PLOT_RSS };

struct ml_plot_loading; /* plotload.c's own */

struct ml_plot_log {
    const char *file;   /* as it was said */
    char label[96];     /* for the legend: the file's name, with folders where two would be the same */
    char command[160];  /* of its runs, without folders, ", " between; "" where it is not known */
    int64_t pid;        /* of the last run that tells; 0: not known */
    uint64_t interval_ns; /* of the last run; 0: not known */
    unsigned runs;      /* with samples; a gap begins one too */
    uint64_t samples;   /* in the span that was asked for */
    uint64_t collections;
    uint64_t lost;      /* samples that could not be written */
    int64_t first_ns, last_ns; /* the earliest and the latest sample; 0 without samples */
    enum ml_plot_kind kind;
    char end[40];       /* how the last run ended, as its end line says: "exit", "SIGKILL"; "" */
    bool ended_oom;     /* the kernel killed it for lack of memory */
    bool has_ended;     /* the last run has its end line */

    struct ml_plot_curve curves[ML_PLOT_COLUMNS];
    bool has_column[ML_PLOT_COLUMNS]; /* some run has it */
    char *rows;         /* ml_plot_row_at */
    size_t row_count;
    struct ml_plot_mark *marks; /* in their order */
    size_t mark_count;
    struct ml_plot_limit *limits;
    size_t limit_count;
    struct ml_plot_run *run_list; /* of thousands the latest */
    size_t run_count;

    struct ml_damage damage;
    struct ml_plot_loading *loading;
};

/* The zone of the time axis: the offset that is in force at the first sample, for all of it. */
struct ml_plot_zone {
    int offset_seconds; /* east of Greenwich */
    char name[40];      /* "CET", "UTC", "UTC-03:00" */
};

struct ml_plot {
    unsigned column_count;
    struct ml_plot_column columns[ML_PLOT_COLUMNS]; /* Alloc and Sys, unless others are wanted */
    bool is_default; /* Alloc and Sys it is */
    unsigned log_count;
    struct ml_plot_log logs[ML_PLOT_LOGS];
    bool from_start; /* several logs, each from its own first sample on: times are distances */
    struct ml_plot_zone zone;
    char title[160];    /* the commands, or what it shows */
    /* Of a log that goes on: found once, for a mark may be gone with a file that was put aside. */
    bool has_span;
    int64_t from_ns, to_ns;
};

/* What is to be loaded. */
struct ml_plot_want {
    const char *columns;   /* "rss,Mallocs"; NULL: Alloc and Sys */
    const char *from, *to; /* as reading/when.h has them; NULL: all of it */
    unsigned slices;       /* 0: ML_PLOT_SLICES */
    bool means;            /* takes some time */
    bool goes_on;          /* more will be read: a last line without its end may get it yet */
    ml_log_progress *progress; /* NULL: nobody is told */
    void *progress_context;
};

/* The row with that index. */
static inline const struct ml_plot_row *ml_plot_row_at(const struct ml_plot *plot,
                                                       const struct ml_plot_log *log, size_t index)
{
    size_t size = sizeof(struct ml_plot_row) + plot->column_count * sizeof(double);
    return (const struct ml_plot_row *)(log->rows + index * size);
}

/* Whether there is anything to draw of it. */
bool ml_plot_has_numbers(const struct ml_plot *plot, const struct ml_plot_log *log);
/* Whether the row stands alone: no line leads to it or from it. */
bool ml_plot_row_is_single(const struct ml_plot *plot, const struct ml_plot_log *log, size_t index);

/* An empty plot with the columns that are wanted. False after one line on stderr. */
bool ml_plot_begin(struct ml_plot *plot, const struct ml_plot_want *want);
/* One more log, all that is in it now. "-": the standard input. False after one line on stderr; the
 * plot is as it was then. What is wrong with the log is in its damage, nothing is said of it. */
bool ml_plot_add(struct ml_plot *plot, const struct ml_plot_want *want, const char *file);
/* What was appended to the log since. 0, or an errno's negative. */
int ml_plot_read_on(struct ml_plot *plot, struct ml_plot_log *log);
/* Whether the name means another file now: after a last ml_plot_read_on the log is to be left. */
bool ml_plot_was_rotated(const struct ml_plot_log *log);
/* The log that its name means now instead of the one that it meant, which goes on; while there is
 * none, or nothing is in it, the plot is as it was. False after one line on stderr. */
bool ml_plot_reopen(struct ml_plot *plot, const struct ml_plot_want *want);
/* When all logs are there, and again after more was read: labels, title, zone. */
void ml_plot_settle(struct ml_plot *plot);
void ml_plot_end(struct ml_plot *plot); /* frees what it holds */

/* Make the zone that the user names the process's own, and its children's: "UTC", "+02:00",
 * "Europe/Berlin". False: there is none of that name. */
bool ml_plot_zone_choose(const char *name);
/* The zone at that moment. */
void ml_plot_zone_at(struct ml_plot_zone *zone, int64_t time_ns);

/* The text as a picture takes it, cut with "..." behind max bytes. Returns to, of max + 4 bytes. */
char *ml_plot_text_clean(char *to, const char *text, size_t length, size_t max);
/* "3 h 20 min". Returns text. */
const char *ml_plot_duration_text(int64_t ns, char *text, size_t capacity);
/* How the last run ended, for the heading: "SIGKILL (out of memory)"; "" where it just ended. */
const char *ml_plot_end_text(const struct ml_plot_log *log, char *text, size_t capacity);

/* The command. */
int ml_cli_plot(int argc, char **argv);

/* The picture as one HTML file, of a plot with ML_PLOT_PAGE_SLICES and means; ml_tools_load() must
 * have succeeded. 0, or an errno's negative when it cannot be written. */
int ml_plot_html(const struct ml_plot *plot, FILE *to);

/* ---- plotruns.c: for who loads ------------------------------------------------------ */

/* The first sample of a run, or after a gap in the one before. False: no memory. */
bool ml_plot_run_begin(struct ml_plot_log *log, const struct ml_plot_run *run);
/* The latest run has got so far. */
void ml_plot_run_extend(struct ml_plot_log *log, int64_t last_ns, uint64_t samples);
void ml_plot_run_finish(struct ml_plot_log *log, const char *end, bool ended_oom);

/* ---- plotjson.c ----------------------------------------------------------------------- */

/* The plot as page/rows.js and page/logs.js read it. Nothing of it means anything in HTML. */
void ml_plot_put_json(FILE *to, const struct ml_plot *plot);

#endif
