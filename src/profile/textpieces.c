/* SPDX-License-Identifier: MIT */
#include "profile/textpieces.h"

#include <string.h>

#include "base/format.h"

enum { PIECE_BYTES = 256 };

static void put(const struct ml_out *out, const char *string)
{
    ml_out_put(out, string, strlen(string));
}

/* "2: 96 [5: 240] @ " */
static void put_counts(const struct ml_out *out, const struct ml_bucket_counts *counts)
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
    ml_out_put(out, buffer, ml_text_finish(&text));
}

static void put_number(const struct ml_out *out, const char *before, uint64_t value,
                       const char *after)
{
    char buffer[PIECE_BYTES];
    struct ml_text text;
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_text_string(&text, before);
    ml_text_u64(&text, value);
    ml_text_string(&text, after);
    ml_out_put(out, buffer, ml_text_finish(&text));
}

/* ---- samples ----------------------------------------------------------------------------- */

/* Where both pairs of the head are the same, as in a program that has freed nothing,
 * readers take them for one pair that is there twice: one byte tells them apart. */
void ml_textpieces_head(const struct ml_out *out, struct ml_bucket_counts sum, uint64_t rate)
{
    if (sum.frees == 0)
        sum.alloc_bytes++, sum.free_bytes++;
    put(out, "heap profile: ");
    put_counts(out, &sum);
    put_number(out, "heap/", 2 * rate, "\n");
}

void ml_textpieces_bucket(const struct ml_out *out, const struct ml_bucket_counts *counts,
                          const uintptr_t *pcs, unsigned depth)
{
    put_counts(out, counts);
    for (unsigned i = 0; i < depth; i++) {
        char hex[ML_HEX_BYTES];
        put(out, i == 0 ? "" : " ");
        put(out, ml_hex(hex, pcs[i]));
    }
    put(out, "\n");
}

/* ---- statistics ---------------------------------------------------------------------------- */

static void put_stat(const struct ml_out *out, const char *name, uint64_t value)
{
    put(out, "# ");
    put(out, name);
    put_number(out, " = ", value, "\n");
}

static void put_pair(const struct ml_out *out, const char *name, uint64_t inuse, uint64_t sys)
{
    put(out, "# ");
    put(out, name);
    put_number(out, " = ", inuse, "");
    put_number(out, " / ", sys, "\n");
}

static void put_ring(const struct ml_out *out, const char *name, const uint64_t *ring)
{
    put(out, "# ");
    put(out, name);
    put(out, " = [");
    for (unsigned i = 0; i < MEMLOG_PAUSES; i++)
        put_number(out, i == 0 ? "" : " ", ring[i], "");
    put(out, "]\n");
}

static void put_double(const struct ml_out *out, const char *name, double value)
{
    char buffer[PIECE_BYTES];
    struct ml_text text;
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_text_string(&text, "# ");
    ml_text_string(&text, name);
    ml_text_string(&text, " = ");
    ml_text_double_go(&text, value);
    ml_text_string(&text, "\n");
    ml_out_put(out, buffer, ml_text_finish(&text));
}

/* The lines of Go's, in its order. */
void ml_textpieces_stats(const struct ml_out *out, const struct memlog_memstats *stats,
                         uint64_t most_rss)
{
    put(out, "\n# runtime.MemStats\n");
    put_stat(out, "Alloc", stats->alloc);
    put_stat(out, "TotalAlloc", stats->total_alloc);
    put_stat(out, "Sys", stats->sys);
    put_stat(out, "Lookups", stats->lookups);
    put_stat(out, "Mallocs", stats->mallocs);
    put_stat(out, "Frees", stats->frees);
    put_stat(out, "HeapAlloc", stats->heap_alloc);
    put_stat(out, "HeapSys", stats->heap_sys);
    put_stat(out, "HeapIdle", stats->heap_idle);
    put_stat(out, "HeapInuse", stats->heap_inuse);
    put_stat(out, "HeapReleased", stats->heap_released);
    put_stat(out, "HeapObjects", stats->heap_objects);
    put_pair(out, "Stack", stats->stack_inuse, stats->stack_sys);
    put_pair(out, "MSpan", stats->mspan_inuse, stats->mspan_sys);
    put_pair(out, "MCache", stats->mcache_inuse, stats->mcache_sys);
    put_stat(out, "BuckHashSys", stats->buck_hash_sys);
    put_stat(out, "GCSys", stats->gc_sys);
    put_stat(out, "OtherSys", stats->other_sys);
    put_stat(out, "NextGC", stats->next_gc);
    put_stat(out, "LastGC", stats->last_gc);
    put_ring(out, "PauseNs", stats->pause_ns);
    put_ring(out, "PauseEnd", stats->pause_end);
    put_stat(out, "NumGC", stats->num_gc);
    put_stat(out, "NumForcedGC", stats->num_forced_gc);
    put_double(out, "GCCPUFraction", stats->gc_cpu_fraction);
    put(out, stats->debug_gc ? "# DebugGC = true\n" : "# DebugGC = false\n");
    put_stat(out, "MaxRSS", most_rss);
}
