/* SPDX-License-Identifier: MIT */
#include "cli/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "cli/units.h"
#include "os/clock.h"
#include "os/usage.h"

/* ---- samples ---------------------------------------------------------------------- */

static void note_peak(struct ml_peak *peak, uint64_t bytes, uint64_t now)
{
    if (bytes >= peak->bytes && (bytes > peak->bytes || peak->when_ns == 0))
        *peak = (struct ml_peak){ bytes, now };
}

void ml_summary_note(struct ml_summary *summary, const struct ml_lines *lines, uint64_t now_ns)
{
    const struct memlog_memstats *stats = &lines->stats;
    uint64_t pss = lines->usage.pss;
    summary->without_heap = lines->record.without_heap;
    if (summary->without_heap) {
        note_peak(&summary->alloc, pss == ML_OS_USAGE_UNKNOWN ? 0 : pss, now_ns);
        note_peak(&summary->sys, lines->extra.rss, now_ns);
    } else {
        note_peak(&summary->alloc, stats->alloc, now_ns);
        note_peak(&summary->sys, stats->sys, now_ns);
    }
    summary->objects = stats->heap_objects;
    summary->bytes = stats->alloc;
}

/* ---- words ------------------------------------------------------------------------ */

static const char *time_text(uint64_t ns, char *text, size_t capacity)
{
    time_t seconds = (time_t)(ns / ML_NS_PER_SECOND);
    struct tm local;
    if (localtime_r(&seconds, &local) == NULL || strftime(text, capacity, "%T", &local) == 0)
        snprintf(text, capacity, "?");
    return text;
}

static void tell_peak(const char *before, const char *name, const struct ml_peak *peak)
{
    char bytes[32], when[32];
    fprintf(stderr, "%s%s %s at %s", before, name, ml_bytes_text(peak->bytes, bytes, sizeof(bytes)),
            time_text(peak->when_ns, when, sizeof(when)));
}

void ml_summary_tell(const struct ml_summary *summary, const char *name, const struct ml_file *file,
                     bool at_exit)
{
    char bytes[32];
    uint64_t samples = file->samples, lost = file->lost;
    if (summary->alloc.when_ns == 0) {
        fprintf(stderr, "memlog: no sample: the program did not load memlog, or ended before\n");
        return;
    }
    fprintf(stderr, "memlog: %" PRIu64 " sample%s in %s", samples, samples == 1 ? "" : "s", name);
    if (lost != 0)
        fprintf(stderr, ", %" PRIu64 " lost", lost);
    tell_peak("\nmemlog: peak ", summary->without_heap ? "PSS" : "Alloc", &summary->alloc);
    tell_peak(", ", summary->without_heap ? "RSS" : "Sys", &summary->sys);
    fprintf(stderr, "\n");
    if (summary->without_heap)
        return;
    fprintf(stderr, "memlog: %" PRIu64 " object%s, %s alive at %s\n", summary->objects,
            summary->objects == 1 ? "" : "s", ml_bytes_text(summary->bytes, bytes, sizeof(bytes)),
            at_exit ? "exit" : "the last sample");
}
