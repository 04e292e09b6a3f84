/* SPDX-License-Identifier: MIT */
/* plotruns.c - the list of a log's runs: a program that starts over and over does not fill memory. */
#include <stdlib.h>
#include <string.h>

#include "cli/plot.h"

enum { RUNS_FIRST = 4, RUNS_MOST = 4096 };

/* Room for one more; of too many the older half goes. */
static bool need(struct ml_plot_log *log)
{
    size_t count = log->run_count;
    if (count == RUNS_MOST) {
        log->run_count = RUNS_MOST / 2;
        memmove(log->run_list, log->run_list + RUNS_MOST / 2,
                RUNS_MOST / 2 * sizeof(*log->run_list));
        return true;
    }
    bool is_full = count == 0 || (count >= RUNS_FIRST && (count & (count - 1)) == 0);
    if (!is_full)
        return true;
    struct ml_plot_run *more =
        realloc(log->run_list, (count == 0 ? RUNS_FIRST : 2 * count) * sizeof(*more));
    if (more == NULL)
        return false;
    log->run_list = more;
    return true;
}

bool ml_plot_run_begin(struct ml_plot_log *log, const struct ml_plot_run *run)
{
    if (!need(log))
        return false;
    log->run_list[log->run_count++] = *run;
    return true;
}

void ml_plot_run_extend(struct ml_plot_log *log, int64_t last_ns, uint64_t samples)
{
    if (log->run_count == 0)
        return;
    log->run_list[log->run_count - 1].last_ns = last_ns;
    log->run_list[log->run_count - 1].samples = samples;
}

void ml_plot_run_finish(struct ml_plot_log *log, const char *end, bool ended_oom)
{
    if (log->run_count == 0)
        return;
    struct ml_plot_run *run = &log->run_list[log->run_count - 1];
    ml_plot_text_clean(run->end, end, strlen(end), sizeof(run->end) - 4);
    run->ended_oom = ended_oom;
}
