/* SPDX-License-Identifier: MIT */
#include "profile/text.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/format.h"
#include "heap/sample.h"
#include "os/maps.h"
#include "profile/buckets.h"
#include "profile/sink.h"
#include "stats/memstats.h"

enum { PIECE_BYTES = 256 };

static void put(struct ml_sink *sink, const char *string)
{
    ml_sink_put(sink, string, strlen(string));
}

/* "2: 96 [5: 240] @ " */
static void put_counts(struct ml_sink *sink, const struct ml_bucket_counts *counts)
{
    char buffer[PIECE_BYTES];
    struct ml_text text;
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_text_u64(&text, counts->allocs - counts->frees);
    ml_text_string(&text, ": ");
    ml_text_u64(&text, counts->alloc_bytes - counts->free_bytes);
    ml_text_string(&text, " [");
    ml_text_u64(&text, counts->allocs);
    ml_text_string(&text, ": ");
    ml_text_u64(&text, counts->alloc_bytes);
    ml_text_string(&text, "] @ ");
    ml_sink_put(sink, buffer, ml_text_finish(&text));
}

static void put_number(struct ml_sink *sink, const char *before, uint64_t value, const char *after)
{
    char buffer[PIECE_BYTES];
    struct ml_text text;
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_text_string(&text, before);
    ml_text_u64(&text, value);
    ml_text_string(&text, after);
    ml_sink_put(sink, buffer, ml_text_finish(&text));
}

/* ---- samples ----------------------------------------------------------------------------- */

static struct ml_bucket_counts totals(void)
{
    struct ml_bucket_counts sum = { 0 };
    for (const struct ml_bucket *at = ml_bucket_first(); at != NULL; at = at->next) {
        struct ml_bucket_counts one = ml_bucket_read(at);
        sum.allocs += one.allocs;
        sum.alloc_bytes += one.alloc_bytes;
        sum.frees += one.frees;
        sum.free_bytes += one.free_bytes;
    }
    return sum;
}

/* Where both pairs of the head are the same, as in a program that has freed nothing,
 * readers take them for one pair that is there twice: one byte tells them apart. */
static void put_head(struct ml_sink *sink)
{
    struct ml_bucket_counts sum = totals();
    if (sum.frees == 0)
        sum.alloc_bytes++, sum.free_bytes++;
    put(sink, "heap profile: ");
    put_counts(sink, &sum);
    put_number(sink, "heap/", 2 * ml_sample_rate(), "\n");
}

static void put_bucket(struct ml_sink *sink, const struct ml_bucket *bucket)
{
    struct ml_bucket_counts counts = ml_bucket_read(bucket);
    if (counts.allocs == 0)
        return;
    put_counts(sink, &counts);
    for (unsigned i = 0; i < bucket->depth; i++) {
        char hex[ML_HEX_BYTES];
        put(sink, i == 0 ? "" : " ");
        put(sink, ml_hex(hex, bucket->pcs[i]));
    }
    put(sink, "\n");
}

/* ---- statistics ---------------------------------------------------------------------------- */

static void put_stat(struct ml_sink *sink, const char *name, uint64_t value)
{
    put(sink, "# ");
    put(sink, name);
    put_number(sink, " = ", value, "\n");
}

static void put_pair(struct ml_sink *sink, const char *name, uint64_t inuse, uint64_t sys)
{
    put(sink, "# ");
    put(sink, name);
    put_number(sink, " = ", inuse, "");
    put_number(sink, " / ", sys, "\n");
}

static void put_ring(struct ml_sink *sink, const char *name, const uint64_t *ring)
{
    put(sink, "# ");
    put(sink, name);
    put(sink, " = [");
    for (unsigned i = 0; i < MEMLOG_PAUSES; i++)
        put_number(sink, i == 0 ? "" : " ", ring[i], "");
    put(sink, "]\n");
}

static void put_double(struct ml_sink *sink, const char *name, double value)
{
    char buffer[PIECE_BYTES];
    struct ml_text text;
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_text_string(&text, "# ");
    ml_text_string(&text, name);
    ml_text_string(&text, " = ");
    ml_text_double_go(&text, value);
    ml_text_string(&text, "\n");
    ml_sink_put(sink, buffer, ml_text_finish(&text));
}

static uint64_t most_rss_bytes(void)
{
    enum { KIB = 1024 };
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * KIB : 0;
}

/* The lines of Go's, in its order. */
static void put_stats(struct ml_sink *sink, const struct memlog_memstats *stats)
{
    put(sink, "\n# runtime.MemStats\n");
    put_stat(sink, "Alloc", stats->alloc);
    put_stat(sink, "TotalAlloc", stats->total_alloc);
    put_stat(sink, "Sys", stats->sys);
    put_stat(sink, "Lookups", stats->lookups);
    put_stat(sink, "Mallocs", stats->mallocs);
    put_stat(sink, "Frees", stats->frees);
    put_stat(sink, "HeapAlloc", stats->heap_alloc);
    put_stat(sink, "HeapSys", stats->heap_sys);
    put_stat(sink, "HeapIdle", stats->heap_idle);
    put_stat(sink, "HeapInuse", stats->heap_inuse);
    put_stat(sink, "HeapReleased", stats->heap_released);
    put_stat(sink, "HeapObjects", stats->heap_objects);
    put_pair(sink, "Stack", stats->stack_inuse, stats->stack_sys);
    put_pair(sink, "MSpan", stats->mspan_inuse, stats->mspan_sys);
    put_pair(sink, "MCache", stats->mcache_inuse, stats->mcache_sys);
    put_stat(sink, "BuckHashSys", stats->buck_hash_sys);
    put_stat(sink, "GCSys", stats->gc_sys);
    put_stat(sink, "OtherSys", stats->other_sys);
    put_stat(sink, "NextGC", stats->next_gc);
    put_stat(sink, "LastGC", stats->last_gc);
    put_ring(sink, "PauseNs", stats->pause_ns);
    put_ring(sink, "PauseEnd", stats->pause_end);
    put_stat(sink, "NumGC", stats->num_gc);
    put_stat(sink, "NumForcedGC", stats->num_forced_gc);
    put_double(sink, "GCCPUFraction", stats->gc_cpu_fraction);
    put(sink, stats->debug_gc ? "# DebugGC = true\n" : "# DebugGC = false\n");
    put_stat(sink, "MaxRSS", most_rss_bytes());
}

static void put_line(const char *line, size_t length, void *argument)
{
    ml_sink_put(argument, line, length);
    ml_sink_put(argument, "\n", 1);
}

int ml_profile_text_write(int fd)
{
    struct ml_sink sink;
    struct memlog_memstats stats; /* first: writing takes memory */
    ml_stats_read(&stats);
    int error = ml_sink_begin(&sink, fd, false);
    if (error != 0)
        return error;
    put_head(&sink);
    for (const struct ml_bucket *at = ml_bucket_first(); at != NULL; at = at->next)
        put_bucket(&sink, at);
    put(&sink, "\nMAPPED_LIBRARIES:\n");
    error = ml_os_each_code_mapping(put_line, &sink);
    put_stats(&sink, &stats);
    int written = ml_sink_end(&sink);
    return written != 0 ? written : error;
}
