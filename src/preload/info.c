/* SPDX-License-Identifier: MIT */
/* info.c - the C library's questions about its heap, answered with the truth of
 * ours.
 *
 *   arena     bytes of heap with memory behind them, without large objects
 *   uordblks  of them, in small objects          fordblks  the rest
 *   hblks     large objects                      hblkhd    their bytes
 *   keepcost  what malloc_trim could give back   ordblks   spans, in use and free
 *
 * so that arena + hblkhd is what the heap has of the system, and uordblks + hblkhd what
 * is in use, as programs add them up.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>

#include "base/format.h"
#include "heap/counters.h"
#include "heap/release.h"
#include "os/process.h"
#include "preload/plain.h"

static struct mallinfo2 read_info(void)
{
    struct ml_counts counts;
    ml_counters_read(&counts);
    const struct ml_pageheap_figures *pages = &counts.pages;
    uint64_t large_bytes = pages->large_malloc_bytes - pages->large_free_bytes;
    uint64_t small_bytes = ml_counts_small_bytes(&counts);
    uint64_t backed = pages->heap_bytes - ml_min(pages->heap_bytes, pages->released_bytes);
    uint64_t arena = backed - ml_min(backed, large_bytes);
    uint64_t idle = pages->heap_bytes - ml_min(pages->heap_bytes, pages->inuse_bytes);
    return (struct mallinfo2){
        .arena = arena,
        .ordblks = pages->spans,
        .hblks = pages->large_mallocs - pages->large_frees,
        .hblkhd = large_bytes,
        .uordblks = ml_min(small_bytes, arena),
        .fordblks = arena - ml_min(small_bytes, arena),
        .keepcost = idle - ml_min(idle, pages->released_bytes),
    };
}

EXPORT struct mallinfo2 mallinfo2(void) { return read_info(); }

/* Where an int is too small it says so, and does not wrap. */
static int as_int(size_t value) { return value > INT_MAX ? INT_MAX : (int)value; }

EXPORT struct mallinfo mallinfo(void)
{
    struct mallinfo2 info = read_info();
    return (struct mallinfo){
        .arena = as_int(info.arena),
        .ordblks = as_int(info.ordblks),
        .hblks = as_int(info.hblks),
        .hblkhd = as_int(info.hblkhd),
        .uordblks = as_int(info.uordblks),
        .fordblks = as_int(info.fordblks),
        .keepcost = as_int(info.keepcost),
    };
}

/* There is nothing to set that way; programs take a 0 for an error. */
EXPORT int mallopt(int parameter, int value)
{
    (void)parameter, (void)value;
    return 1;
}

/* Free pages, and the calling thread's free slots. pad: bytes to keep. */
EXPORT int malloc_trim(size_t pad)
{
    struct ml_thread *self = ml_thread_self;
    if (!ml_thread_attached()) /* it has never allocated, nor has anybody before it */
        return 0;
    uint64_t before = ml_pageheap_backed_bytes();
    ml_heap_enter(self);
    ml_thread_flush_all(self);
    if (pad == 0)
        (void)ml_release_all();
    else
        ml_release_down_to(ml_pageheap_inuse_bytes() + ml_min(pad, PTRDIFF_MAX));
    ml_heap_leave(self);
    return ml_pageheap_backed_bytes() < before;
}

/* ---- in words ------------------------------------------------------------------------- */

static void add_line(struct ml_text *text, const char *name, uint64_t value)
{
    ml_text_string(text, name);
    ml_text_u64(text, value);
}

EXPORT void malloc_stats(void)
{
    struct mallinfo2 info = read_info();
    char buffer[256];
    struct ml_text text;
    ml_text_init(&text, buffer, sizeof(buffer));
    add_line(&text, "memlog: system bytes = ", info.arena + info.hblkhd);
    add_line(&text, "\nmemlog: in use bytes = ", info.uordblks + info.hblkhd);
    add_line(&text, "\nmemlog: large objects = ", info.hblks);
    add_line(&text, "\nmemlog: large bytes = ", info.hblkhd);
    ml_text_char(&text, '\n');
    (void)ml_os_write_all(2, buffer, ml_text_finish(&text));
}

/* One element for each class that has objects, as `format` names the rest. */
static void add_class(struct ml_text *text, uint64_t bytes, uint64_t count, uint64_t total)
{
    add_line(text, "  <size bytes=\"", bytes);
    add_line(text, "\" count=\"", count);
    add_line(text, "\" total=\"", total);
    ml_text_string(text, "\"/>\n");
}

static void add_total(struct ml_text *text, const char *type, uint64_t count, uint64_t size)
{
    ml_text_string(text, "<total type=\"");
    ml_text_string(text, type);
    add_line(text, "\" count=\"", count);
    add_line(text, "\" size=\"", size);
    ml_text_string(text, "\"/>\n");
}

static void add_sizes(struct ml_text *text, uint64_t *objects)
{
    struct ml_counts counts;
    ml_counters_read(&counts);
    ml_text_string(text, "<sizes>\n");
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        uint64_t live = counts.mallocs[class] - ml_counts_frees(&counts, class);
        uint64_t bytes = ml_sizeclasses[class].bytes;
        *objects += live;
        if (live != 0)
            add_class(text, bytes, live, live * bytes);
    }
    ml_text_string(text, "</sizes>\n");
}

EXPORT int malloc_info(int options, FILE *stream)
{
    char buffer[8192];
    struct ml_text text;
    uint64_t objects = 0;
    if (options != 0)
        return EINVAL;
    struct mallinfo2 info = read_info();
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_text_string(&text, "<malloc version=\"1\" allocator=\"memlog\">\n<heap nr=\"0\">\n");
    add_sizes(&text, &objects);
    add_total(&text, "small", objects, info.uordblks);
    add_total(&text, "large", info.hblks, info.hblkhd);
    add_total(&text, "rest", info.ordblks, info.fordblks);
    add_line(&text, "<system type=\"current\" size=\"", info.arena + info.hblkhd);
    ml_text_string(&text, "\"/>\n</heap>\n</malloc>\n");
    ml_text_finish(&text);
    return fputs(buffer, stream) < 0 ? -1 : 0;
}
