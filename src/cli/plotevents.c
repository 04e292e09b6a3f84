/* SPDX-License-Identifier: MIT */
/* plotevents.c - the marks and limits of a log: each begins at the sample before it, or waits for the
 * run's first one. */
#include <math.h>
#include <stdlib.h>

#include "cli/plotload.h"

enum {
    MARKS_MOST = 65536, /* of more every other one is left out, and again */
    LIMITS_MOST = 65536,
    MARK_BYTES = 32
};

/* Room for one more. NULL: there is none, nothing has changed. */
static void *grow(struct ml_plot_loading *loading, void *list, size_t count, size_t size)
{
    bool is_full = count == 0 || (count >= 16 && (count & (count - 1)) == 0);
    if (!is_full)
        return list;
    void *more = realloc(list, (count == 0 ? 16 : 2 * count) * size);
    loading->no_memory |= more == NULL;
    return more;
}

static void thin_marks(struct ml_plot_loading *loading)
{
    struct ml_plot_log *to = loading->to;
    size_t kept = 0;
    for (size_t i = 0; i < loading->marks_all; i++) {
        if (i < to->mark_count && i % 2 != 0)
            free(to->marks[i].text);
        else
            to->marks[kept++] = to->marks[i];
    }
    loading->marks_all = kept;
    to->mark_count = (to->mark_count + 1) / 2;
}

void ml_plot_mark_add(struct ml_plot_loading *loading, bool is_alert, const char *text, size_t length)
{
    struct ml_plot_log *to = loading->to;
    if (loading->marks_all >= MARKS_MOST && to->mark_count >= MARKS_MOST / 2)
        thin_marks(loading);
    if (loading->marks_all >= MARKS_MOST)
        return;
    struct ml_plot_mark *marks = grow(loading, to->marks, loading->marks_all, sizeof(*marks));
    char *own = malloc(MARK_BYTES + 4);
    if (marks != NULL)
        to->marks = marks;
    if (marks == NULL || own == NULL) {
        loading->no_memory = true;
        free(own);
        return;
    }
    ml_plot_text_clean(own, text, length, MARK_BYTES);
    marks[loading->marks_all++] =
        (struct ml_plot_mark){ .time_ns = loading->last_ns, .is_alert = is_alert, .text = own };
    if (loading->run_samples != 0)
        to->mark_count = loading->marks_all;
    else
        loading->is_pending = true;
}

void ml_plot_marks_drop(struct ml_plot_loading *loading)
{
    while (loading->marks_all > loading->to->mark_count)
        free(loading->to->marks[--loading->marks_all].text);
}

bool ml_plot_limit_put(struct ml_plot_loading *loading)
{
    struct ml_plot_log *to = loading->to;
    to->limit_count = loading->limits_done;
    if (!loading->has_limit || loading->last_ns <= loading->limit_from_ns ||
        loading->limits_done >= LIMITS_MOST)
        return false;
    struct ml_plot_limit *limits = grow(loading, to->limits, loading->limits_done, sizeof(*limits));
    if (limits == NULL)
        return false;
    to->limits = limits;
    limits[to->limit_count++] =
        (struct ml_plot_limit){ loading->limit_from_ns, loading->last_ns, loading->limit };
    return true;
}

void ml_plot_limit_close(struct ml_plot_loading *loading)
{
    if (ml_plot_limit_put(loading))
        loading->limits_done = loading->to->limit_count;
    loading->has_limit = false;
}

void ml_plot_limit_open(struct ml_plot_loading *loading, double bytes)
{
    if (loading->has_limit && bytes == loading->limit)
        return;
    ml_plot_limit_close(loading);
    loading->has_limit = bytes > 0;
    loading->limit = bytes;
    loading->limit_from_ns = loading->last_ns;
}

void ml_plot_waiting_settle(struct ml_plot_loading *loading)
{
    struct ml_plot_log *to = loading->to;
    while (to->mark_count < loading->marks_all)
        to->marks[to->mark_count++].time_ns = loading->last_ns;
    if (!isnan(loading->pending_limit))
        ml_plot_limit_open(loading, loading->pending_limit);
    loading->pending_limit = NAN;
    loading->is_pending = false;
}
