/* SPDX-License-Identifier: MIT */
/* plotdraw.h - the ways to draw a plot: by gnuplot, as characters, and again and again. */
#ifndef ML_CLI_PLOTDRAW_H
#define ML_CLI_PLOTDRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/plot.h"

enum ml_plot_format {
    ML_PLOT_PNG,
    ML_PLOT_SVG,
    ML_PLOT_PDF,
    ML_PLOT_PAGE,  /* HTML */
    ML_PLOT_TERM,  /* our own characters */
    ML_PLOT_DUMB,  /* gnuplot's */
    ML_PLOT_SIXEL, /* a picture in a terminal */
    ML_PLOT_WINDOW, /* gnuplot's window, with --live */
    ML_PLOT_FORMATS
};

/* The same table for options, endings, and gnuplot's names. */
const char *ml_plot_format_name(enum ml_plot_format format);
bool ml_plot_format_parse(const char *name, enum ml_plot_format *format);
/* By a file name's ending. */
bool ml_plot_format_of(const char *file, enum ml_plot_format *format);

struct ml_plot_size {
    unsigned width, height;  /* in pixels; pdf: 96 to the inch */
    unsigned columns, lines; /* in characters: of the terminal, or about what the pixels take */
};

struct ml_plot_task {
    enum ml_plot_format format;
    const char *out; /* "-" or NULL: the standard output */
    struct ml_plot_size size;
    bool is_ascii;   /* the terminal has no other characters */
    bool is_coloured;
};

/* ---- plotoutput.c: where to ------------------------------------------------------ */

/* LOG with its ending changed; for free(). A dot in a folder's name or at the head of a file's is
 * no ending. */
char *ml_plot_output_name(const char *log, enum ml_plot_format format);
/* Whether the picture may be written there: not over one of the logs, nor over any other. False
 * after one line on stderr. */
bool ml_plot_output_check(const struct ml_plot *plot, const char *out);
/* All of that file, into the picture. False after one line on stderr. */
bool ml_plot_output_copy(int from, const char *out);

/* ---- plotdata.c: for gnuplot ------------------------------------------------------- */

/* The earliest and the latest moment in all logs, as they are drawn. */
void ml_plot_span(const struct ml_plot *plot, int64_t *first_ns, int64_t *last_ns);
/* Alloc and Sys of the first log, as plot/mem.plot loads it. */
void ml_plot_put_memory(FILE *to, const struct ml_plot *plot, const struct ml_plot_size *size);
/* All curves of all logs, as plot/overlay.plot loads it. */
void ml_plot_put_overlay(FILE *to, const struct ml_plot *plot, const struct ml_plot_size *size);

/* ---- plotgnuplot.c ------------------------------------------------------------------- */

extern const char ml_plot_script_memory[], ml_plot_script_overlay[]; /* written by plot/embed.sh */

/* A picture. False after words on stderr: there is no gnuplot, or it cannot. */
bool ml_plot_gnuplot(const struct ml_plot *plot, const struct ml_plot_task *task);
/* The same, its output into memory that is for free(). NULL as above. */
char *ml_plot_gnuplot_text(const struct ml_plot *plot, const struct ml_plot_task *task);

/* The picture in gnuplot's window, which stays and is drawn again. False as above, or when the window
 * was closed. */
bool ml_plot_window_draw(const struct ml_plot *plot, const struct ml_plot_task *task);
/* gnuplot ends; its window stays, as with gnuplot -p. */
void ml_plot_window_close(void);

/* ---- plotterm.c ------------------------------------------------------------------------ */

/* A line of bars for each curve, with its numbers. */
void ml_plot_term(const struct ml_plot *plot, const struct ml_plot_task *task, FILE *to);

/* ---- plotlive.c ------------------------------------------------------------------------ */

/* Draw the only log of the plot whenever there is more in it, until its last run has ended, or
 * Ctrl-C. The exit status. */
int ml_plot_live(struct ml_plot *plot, const struct ml_plot_want *want, struct ml_plot_task *task);

/* ---- plotprogress.c ---------------------------------------------------------------------- */

/* A bar on stderr, where that is a terminal and it takes more than a second. Context: NULL. */
void ml_plot_progress(void *context, uint64_t done, uint64_t all);
void ml_plot_progress_end(void); /* wipes it */

#endif
