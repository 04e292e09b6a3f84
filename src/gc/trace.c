/* SPDX-License-Identifier: MIT */
#include "gc/trace.h"

#include <stddef.h>
#include <string.h>

#include "base/format.h"
#include "gc/dirty.h"
#include "gc/pacer.h"
#include "os/process.h"

bool ml_trace_on;

/* Nanoseconds as `unit` ("1.204"): with three digits behind the point. */
static void thousandths(struct ml_text *text, uint64_t value, uint64_t unit)
{
    ml_text_u64(text, value / unit);
    ml_text_char(text, '.');
    ml_text_u64_padded(text, value % unit / (unit / 1000), 3);
}

static void number(struct ml_text *text, const char *before, uint64_t value)
{
    ml_text_string(text, before);
    ml_text_u64(text, value);
}

enum { US = 1000, MS = 1000 * US, S = 1000 * MS };

static void tell_pauses(struct ml_text *text, const struct ml_cycle *cycle)
{
    const struct ml_pauses *pauses = &cycle->pauses;
    thousandths(text, pauses->first, MS);
    if (cycle->slices != 0) {
        ml_text_char(text, '+');
        thousandths(text, pauses->sum - pauses->first - pauses->last, MS);
        number(text, " (", cycle->slices);
        ml_text_string(text, " slices)");
    }
    if (pauses->count > 1) {
        ml_text_char(text, '+');
        thousandths(text, pauses->last, MS);
    }
    ml_text_string(text, " ms stopped of ");
    thousandths(text, cycle->mark, MS);
    ml_text_string(text, " ms");
}

void ml_trace_cycle(const struct ml_cycle *cycle, uint64_t which, uint64_t began,
                    uint64_t taken_bytes)
{
    char buffer[400];
    struct ml_text text;
    if (!ml_trace_on)
        return;
    ml_text_init(&text, buffer, sizeof(buffer));
    number(&text, "gc ", which);
    ml_text_string(&text, " at ");
    thousandths(&text, began, S);
    ml_text_string(&text, cycle->ran_along ? " s: along, " : " s: stopped, ");
    tell_pauses(&text, cycle);
    number(&text, ", ", taken_bytes >> 20);
    number(&text, "->", cycle->live_bytes >> 20);
    ml_text_string(&text, " MiB, goal ");
    if (ml_pacer_goal() == INT64_MAX)
        ml_text_string(&text, "none");
    else
        number(&text, "", ml_pacer_goal() >> 20);
    ml_text_string(&text, " MiB");
    if (cycle->ran_along) {
        number(&text, ", ", cycle->rounds);
        number(&text, " rounds; last stop ", cycle->last.stand / US);
        number(&text, " us to stand, ", cycle->last.roots / US);
        number(&text, " roots, ", cycle->last.pages / US);
        number(&text, " for ", cycle->pages_written);
        number(&text, " pages written, ", cycle->last.finish / US);
        ml_text_string(&text, " to finish");
    }
    ml_text_finish(&text);
    ml_os_complain(buffer, NULL);
}

void ml_trace_why_stopped(void)
{
    static bool told;
    int error;
    const char *why = ml_dirty_why_not(&error);
    if (!ml_trace_on || told || why == NULL)
        return;
    told = true;
    ml_os_complain("collections stop the program: writes can't be tracked: ", why, ": ",
                   strerrordesc_np(error), NULL);
}
