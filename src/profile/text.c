/* SPDX-License-Identifier: MIT */
#include "profile/text.h"

#include <string.h>
#include <sys/resource.h>

#include "heap/sample.h"
#include "os/maps.h"
#include "profile/sink.h"
#include "profile/textpieces.h"
#include "stats/memstats.h"

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

static void put_bucket(const struct ml_out *out, const struct ml_bucket *bucket)
{
    struct ml_bucket_counts counts = ml_bucket_read(bucket);
    if (counts.allocs != 0)
        ml_textpieces_bucket(out, &counts, bucket->pcs, bucket->depth);
}

static uint64_t most_rss_bytes(void)
{
    enum { KIB = 1024 };
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * KIB : 0;
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
    const struct ml_out out = ml_sink_out(&sink);
    ml_textpieces_head(&out, totals(), ml_sample_rate());
    for (const struct ml_bucket *at = ml_bucket_first(); at != NULL; at = at->next)
        put_bucket(&out, at);
    ml_out_put(&out, ML_TEXTPIECES_MAPPINGS, strlen(ML_TEXTPIECES_MAPPINGS));
    error = ml_os_each_code_mapping(put_line, &sink);
    ml_textpieces_stats(&out, &stats, most_rss_bytes());
    int written = ml_sink_end(&sink);
    return written != 0 ? written : error;
}
