/* SPDX-License-Identifier: MIT */
/* plotload.h - what is known while a log is read into a plot. */
#ifndef ML_CLI_PLOTLOAD_H
#define ML_CLI_PLOTLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/plot.h"

enum { ML_PLOT_COMMANDS = 8, ML_PLOT_COMMAND_BYTES = 54 };

struct ml_plot_loading {
    struct ml_plot_log *to;
    const struct ml_plot *plot;
    struct ml_log *log;
    struct ml_log_visitor visitor;
    struct ml_reduce *reduce;
    int64_t from_ns, to_ns;
    bool no_memory;

    /* the run */
    int places[ML_PLOT_COLUMNS];
    int alloc, sys;
    bool as_they_stand; /* the curves are two columns side by side */
    bool is_resident;
    uint64_t run_samples; /* since it began, or since a gap */
    bool is_pending;      /* a mark or a limit waits for the next sample */
    bool has_limit;
    double limit, pending_limit; /* pending: NAN none */
    int64_t limit_from_ns, last_ns;

    bool has_heap, has_rss, has_pss;
    size_t marks_all; /* those that wait stand behind mark_count */
    size_t limits_done;
    bool is_new_run; /* a header came since the last sample */
    int64_t pid;     /* the run's */
    char command[160];
    bool has_means;
    double sums[ML_PLOT_COLUMNS];
    uint64_t known[ML_PLOT_COLUMNS]; /* samples with a value */
    unsigned command_count;
    char commands[ML_PLOT_COMMANDS][ML_PLOT_COMMAND_BYTES + 4];
    char names[256]; /* the last run's columns */
};

/* ---- plotevents.c: marks and limits --------------------------------------------- */

void ml_plot_mark_add(struct ml_plot_loading *loading, bool is_alert, const char *text, size_t length);
/* Those that no sample followed in their run. */
void ml_plot_marks_drop(struct ml_plot_loading *loading);
/* A limit is in force from the last sample on; 0: none is. */
void ml_plot_limit_open(struct ml_plot_loading *loading, double bytes);
void ml_plot_limit_close(struct ml_plot_loading *loading);
/* The one that is in force, up to the last sample, behind those that are done. False: there is none,
 * or it was in force for no time at all. */
bool ml_plot_limit_put(struct ml_plot_loading *loading);
/* What waited for a sample. */
void ml_plot_waiting_settle(struct ml_plot_loading *loading);

#endif
