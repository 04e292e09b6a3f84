/* SPDX-License-Identifier: MIT */
#include "http/heaptext.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "http/out.h"
#include "profile/textpieces.h"

static uint64_t live_bytes(const struct ml_snapshot_bucket *bucket)
{
    return bucket->counts.alloc_bytes - bucket->counts.free_bytes;
}

/* Where they are equal, by address: the same each time. */
static int compare(const void *left, const void *right)
{
    const struct ml_snapshot_bucket *a = *(const struct ml_snapshot_bucket *const *)left;
    const struct ml_snapshot_bucket *b = *(const struct ml_snapshot_bucket *const *)right;
    if (live_bytes(a) != live_bytes(b))
        return live_bytes(a) < live_bytes(b) ? 1 : -1;
    if (a->counts.alloc_bytes != b->counts.alloc_bytes)
        return a->counts.alloc_bytes < b->counts.alloc_bytes ? 1 : -1;
    return a->address < b->address ? -1 : a->address > b->address;
}

static struct ml_bucket_counts totals(const struct ml_snapshot *snapshot)
{
    struct ml_bucket_counts sum = { 0 };
    for (size_t i = 0; i < snapshot->buckets_count; i++) {
        const struct ml_bucket_counts *one = &snapshot->buckets[i].counts;
        sum.allocs += one->allocs;
        sum.alloc_bytes += one->alloc_bytes;
        sum.frees += one->frees;
        sum.free_bytes += one->free_bytes;
    }
    return sum;
}

/* ---- buckets ------------------------------------------------------------------------------ */

struct frame {
    struct ml_buffer *buffer;
    uintptr_t address;
    bool is_named;
};

/* A name is what a file says: no line of it may end ours. */
static void put_name(struct ml_buffer *buffer, const char *name)
{
    for (; *name != '\0'; name++)
        ml_buffer_put(buffer, (unsigned char)*name < ' ' ? "?" : name, 1);
}

static void put_frame(const struct ml_name *name, void *argument)
{
    struct frame *frame = argument;
    frame->is_named = true;
    ml_buffer_printf(frame->buffer, "#\t0x%" PRIxPTR, frame->address);
    if (name->function != NULL) {
        ml_buffer_string(frame->buffer, "\t");
        put_name(frame->buffer, name->function);
        ml_buffer_printf(frame->buffer, "+0x%" PRIx64, name->offset);
    }
    if (name->function != NULL && name->file != NULL) {
        ml_buffer_string(frame->buffer, "\t");
        put_name(frame->buffer, name->file);
        ml_buffer_printf(frame->buffer, ":%u", name->line);
    }
    ml_buffer_string(frame->buffer, "\n");
}

static void put_frames(struct ml_buffer *buffer, const struct ml_snapshot_bucket *bucket,
                       const struct ml_namer *namer)
{
    for (uint32_t i = 0; i < bucket->depth; i++) {
        struct frame frame = { buffer, bucket->pcs[i] - 1, false };
        namer->each(namer->context, frame.address, put_frame, &frame);
        if (!frame.is_named)
            put_frame(&(struct ml_name){ 0 }, &frame);
    }
    ml_buffer_string(buffer, "\n");
}

static int put_buckets(const struct ml_snapshot *snapshot, const struct ml_namer *namer,
                       struct ml_buffer *buffer)
{
    const struct ml_out out = ml_buffer_out(buffer);
    const struct ml_snapshot_bucket **sorted;
    size_t count = 0;
    sorted = malloc((snapshot->buckets_count + 1) * sizeof(*sorted));
    if (sorted == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->buckets_count; i++)
        if (snapshot->buckets[i].counts.allocs != 0)
            sorted[count++] = &snapshot->buckets[i];
    qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0; i < count; i++) {
        ml_textpieces_bucket(&out, &sorted[i]->counts, sorted[i]->pcs, sorted[i]->depth);
        if (namer != NULL)
            put_frames(buffer, sorted[i], namer);
    }
    free(sorted);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* Device and inode are what readers want to see and nobody uses. */
static void put_mappings(const struct ml_snapshot *snapshot, struct ml_buffer *buffer)
{
    ml_buffer_string(buffer, ML_TEXTPIECES_MAPPINGS);
    for (size_t i = 0; i < snapshot->mappings_count; i++) {
        const struct ml_snapshot_mapping *mapping = &snapshot->mappings[i];
        ml_buffer_printf(buffer, "%08" PRIxPTR "-%08" PRIxPTR " r-xp %08" PRIx64 " 00:00 0 ",
                         mapping->begin, mapping->end, mapping->offset);
        put_name(buffer, mapping->name);
        ml_buffer_string(buffer, "\n");
    }
}

int ml_heaptext_write(const struct ml_snapshot *snapshot, const struct memlog_memstats *stats,
                      uint64_t most_rss, const struct ml_namer *namer, struct ml_buffer *buffer)
{
    const struct ml_out out = ml_buffer_out(buffer);
    ml_textpieces_head(&out, totals(snapshot), snapshot->rate);
    int error = put_buckets(snapshot, namer, buffer);
    if (error != 0)
        return error;
    put_mappings(snapshot, buffer);
    ml_textpieces_stats(&out, stats, most_rss);
    return buffer->failed ? -ENOMEM : 0;
}
