/* SPDX-License-Identifier: MIT */
#include "gc/trace.h"

#include <stddef.h>
#include <string.h>

#include "base/format.h"
#include "gc/dirty.h"
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

static void tell_pauses(struct ml_text *text, const struct ml_gc_record *record)
{
    thousandths(text, record->first_ns, MS);
    if (record->slices != 0) {
        ml_text_char(text, '+');
        thousandths(text, record->stopped_ns - record->first_ns - record->last_ns, MS);
        number(text, " (", record->slices);
        ml_text_string(text, " slices)");
    }
    if (record->pauses > 1) {
        ml_text_char(text, '+');
        thousandths(text, record->last_ns, MS);
    }
    ml_text_string(text, " ms stopped of ");
    thousandths(text, record->took_ns, MS);
    ml_text_string(text, " ms");
}

static void tell_last_stop(struct ml_text *text, const struct ml_gc_record *record)
{
    number(text, ", ", record->rounds);
    number(text, " rounds; last stop ", record->last.stand_ns / US);
    number(text, " us to stand, ", record->last.roots_ns / US);
    number(text, " roots, ", record->last.pages_ns / US);
    number(text, " for ", record->last.pages);
    number(text, " pages written, ", record->last.finish_ns / US);
    ml_text_string(text, " to finish");
}

void ml_trace_cycle(const struct ml_gc_record *record)
{
    char buffer[400];
    struct ml_text text;
    if (!ml_trace_on)
        return;
    ml_text_init(&text, buffer, sizeof(buffer));
    number(&text, "gc ", record->number);
    ml_text_string(&text, " at ");
    thousandths(&text, record->began_ns, S);
    ml_text_string(&text, record->along ? " s: along, " : " s: stopped, ");
    tell_pauses(&text, record);
    number(&text, ", ", record->taken_bytes >> 20);
    number(&text, "->", record->live_bytes >> 20);
    ml_text_string(&text, " MiB, goal ");
    if (record->goal_bytes == INT64_MAX)
        ml_text_string(&text, "none");
    else
        number(&text, "", record->goal_bytes >> 20);
    ml_text_string(&text, " MiB");
    if (record->along)
        tell_last_stop(&text, record);
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
