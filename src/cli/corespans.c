/* SPDX-License-Identifier: MIT */
/* corespans.c - memlog core --spans and --top: what the heap consists of. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/postmortem.h"
#include "cli/units.h"

/* ---- one walk over all spans -------------------------------------------------------------------- */

/* Of one size class and kind; large objects are one class more. */
struct row {
    unsigned class, kind;
    uint64_t spans, objects, slots, bytes, span_bytes;
};

struct census {
    struct row rows[ML_CLASSES + 1][ML_KINDS];
    uint64_t free_runs, free_bytes;
    uint64_t unread; /* spans whose states are not in the file */
};

static uint64_t bytes_of(const struct ml_view_span *span)
{
    return (uint64_t)span->pages << ML_PAGE_SHIFT;
}

static uint64_t object_bytes(const struct ml_view_span *span)
{
    return span->use == ML_SPAN_LARGE ? bytes_of(span) : span->slot_bytes;
}

static void count_span(const struct ml_heap_view *heap, const struct ml_view_span *span,
                       struct census *census)
{
    uint32_t live;
    if (span->slots == 0) {
        census->free_runs++;
        census->free_bytes += bytes_of(span);
        return;
    }
    unsigned class = span->use == ML_SPAN_LARGE ? ML_CLASSES : ml_bin_class(span->bin);
    struct row *row = &census->rows[class][span->kind];
    if (ml_heap_view_live(heap, span, &live) != 0) {
        census->unread++;
        return;
    }
    row->class = class;
    row->kind = span->kind;
    row->spans++;
    row->objects += live;
    row->slots += span->slots;
    row->bytes += live * object_bytes(span);
    row->span_bytes += bytes_of(span);
}

static void count_all(const struct ml_heap_view *heap, struct census *census)
{
    for (size_t i = 0; i < heap->count; i++)
        count_span(heap, &heap->spans[i], census);
}

static void tell_of_unread(const struct ml_postmortem *dead, const struct census *census)
{
    if (census->unread != 0)
        fprintf(stderr, "memlog: %s: %" PRIu64 " spans are left out: what is allocated in them is not "
                        "in the file\n",
                dead->file, census->unread);
}

static void size_text(char text[24], unsigned class)
{
    if (class == ML_CLASSES)
        snprintf(text, 24, "large");
    else
        snprintf(text, 24, "%" PRIu32, ml_sizeclasses[class].bytes);
}

/* ---- by class ---------------------------------------------------------------------------------------- */

static void print_row(const struct row *row)
{
    char size[24], bytes[32];
    size_text(size, row->class);
    ml_bytes_text(row->bytes, bytes, sizeof(bytes));
    printf("%8s  %-16s %10" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12s %5.1f %%\n", size,
           ml_kind_text(row->kind), row->spans, row->objects, row->slots - row->objects, bytes,
           row->span_bytes == 0 ? 0.0 : 100.0 * (double)row->bytes / (double)row->span_bytes);
}

int ml_core_print_spans(struct ml_postmortem *dead)
{
    static struct census census; /* large */
    char bytes[32];
    struct row all = { 0 };
    if (!ml_postmortem_need_heap(dead))
        return ML_CORE_FAILED;
    count_all(&dead->heap, &census);
    printf("%8s  %-16s %10s %12s %12s %12s %7s\n", "size", "kind", "spans", "objects", "free",
           "live", "fill");
    for (unsigned class = 0; class <= ML_CLASSES; class++)
        for (unsigned kind = 0; kind < ML_KINDS; kind++) {
            const struct row *row = &census.rows[class][kind];
            if (row->spans == 0)
                continue;
            print_row(row);
            all.spans += row->spans;
            all.objects += row->objects;
            all.bytes += row->bytes;
            all.span_bytes += row->span_bytes;
        }
    ml_bytes_text(all.bytes, bytes, sizeof(bytes));
    printf("%" PRIu64 " objects in %" PRIu64 " spans: %s", all.objects, all.spans, bytes);
    ml_bytes_text(all.span_bytes, bytes, sizeof(bytes));
    printf(" of %s", bytes);
    ml_bytes_text(census.free_bytes, bytes, sizeof(bytes));
    printf("; %" PRIu64 " free runs: %s\n", census.free_runs, bytes);
    tell_of_unread(dead, &census);
    return 0;
}

/* ---- the largest, the most frequent -------------------------------------------------------------------- */

static int by_object_size(const void *a, const void *b)
{
    uint64_t left = object_bytes(*(const struct ml_view_span *const *)a);
    uint64_t right = object_bytes(*(const struct ml_view_span *const *)b);
    return left > right ? -1 : left < right;
}

static unsigned print_live(const struct ml_postmortem *dead, const struct ml_view_span *span,
                           unsigned most)
{
    unsigned printed = 0;
    for (unsigned slot = 0; slot < span->slots && printed < most; slot++) {
        struct ml_view_object object;
        char bytes[32];
        uintptr_t begin = span->base + slot * object_bytes(span);
        if (!ml_heap_view_object(&dead->heap, begin, &object) || object.state == ML_STATE_FREE)
            continue;
        ml_bytes_text(object.bytes, bytes, sizeof(bytes));
        printf("  0x%" PRIxPTR "  %12s  %s\n", object.begin, bytes, ml_kind_text(span->kind));
        printed++;
    }
    return printed;
}

static bool print_largest(const struct ml_postmortem *dead, unsigned most)
{
    const struct ml_heap_view *heap = &dead->heap;
    const struct ml_view_span **order = malloc(heap->count * sizeof(*order) + 1);
    if (order == NULL)
        return false;
    for (size_t i = 0; i < heap->count; i++)
        order[i] = &heap->spans[i];
    qsort(order, heap->count, sizeof(*order), by_object_size);
    printf("largest objects:\n");
    unsigned printed = 0;
    for (size_t i = 0; i < heap->count && printed < most; i++)
        printed += print_live(dead, order[i], most - printed);
    free(order);
    return true;
}

static int by_count(const void *a, const void *b)
{
    uint64_t left = ((const struct row *)a)->objects, right = ((const struct row *)b)->objects;
    return left > right ? -1 : left < right;
}

static void print_most_frequent(struct census *census, unsigned most)
{
    enum { ROWS = (ML_CLASSES + 1) * ML_KINDS };
    struct row *rows = &census->rows[0][0];
    qsort(rows, ROWS, sizeof(*rows), by_count);
    printf("most frequent sizes:\n");
    for (unsigned i = 0; i < most && i < ROWS && rows[i].objects != 0; i++) {
        char size[24], bytes[32];
        size_text(size, rows[i].class);
        ml_bytes_text(rows[i].bytes, bytes, sizeof(bytes));
        printf("  %8s  %-16s %12" PRIu64 " objects %12s\n", size, ml_kind_text(rows[i].kind),
               rows[i].objects, bytes);
    }
}

int ml_core_print_top(struct ml_postmortem *dead, unsigned count)
{
    static struct census census; /* large */
    if (!ml_postmortem_need_heap(dead))
        return ML_CORE_FAILED;
    count_all(&dead->heap, &census);
    if (!print_largest(dead, count)) {
        ml_postmortem_complain(dead, "out of memory", 0);
        return ML_CORE_FAILED;
    }
    print_most_frequent(&census, count);
    fflush(stdout);
    ml_core_print_stacks(dead, count);
    tell_of_unread(dead, &census);
    return 0;
}
