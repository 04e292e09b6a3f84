/* SPDX-License-Identifier: MIT */
/* memlog.c - the public functions: arguments checked, then one call down. */
#include "memlog.h"

#include <errno.h>
#include <string.h>

#include "api/init.h"
#include "api/options.h"
#include "base/bits.h"
#include "base/format.h"
#include "config.h"
#include "gc/alloc.h"
#include "gc/asleep.h"
#include "gc/background.h"
#include "gc/collect.h"
#include "gc/finalize.h"
#include "gc/limit.h"
#include "gc/mutator.h"
#include "gc/pacer.h"
#include "gc/roots.h"
#include "gc/type.h"
#include "gc/weak.h"
#include "heap/alloc.h"
#include "heap/release.h"
#include "log/ticker.h"
#include "memlog_http.h"
#include "os/process.h"
#include "profile/pprof.h"
#include "profile/text.h"
#include "stats/json.h"
#include "stats/memstats.h"

#define EXPORT ML_DOOR

/* Who links the archive gets only the members somebody refers to: the wiring,
 * with its constructor, has to be one of them. */
__attribute__((used)) static void (*const wiring)(void) = ml_init;

/* ---- allocation --------------------------------------------------------------- */

EXPORT void *memlog_malloc(size_t size) { return ml_gc_alloc(size, ML_SCAN); }
EXPORT void *memlog_malloc_noscan(size_t size) { return ml_gc_alloc(size, ML_NOSCAN); }
EXPORT void *memlog_malloc_uncollectable(size_t size)
{
    return ml_gc_alloc(size, ML_UNCOLLECTABLE);
}

/* count times size, or so much that it is refused. */
static size_t array_bytes(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes;
}

EXPORT void *memlog_calloc(size_t count, size_t size)
{
    return ml_gc_alloc(array_bytes(count, size), ML_SCAN);
}
EXPORT void *memlog_calloc_noscan(size_t count, size_t size)
{
    return ml_gc_alloc_noscan_zeroed(array_bytes(count, size));
}

static void *allocate_aligned(size_t alignment, size_t size, enum ml_kind kind)
{
    const size_t ALIGNMENT_MOST = (size_t)1 << 30;
    if (!ml_is_power_of_two(alignment) || alignment > ALIGNMENT_MOST) {
        errno = EINVAL;
        return NULL;
    }
    return ml_gc_alloc_aligned(alignment, size, kind);
}

EXPORT void *memlog_aligned_alloc(size_t alignment, size_t size)
{
    return allocate_aligned(alignment, size, ML_SCAN);
}
EXPORT void *memlog_aligned_alloc_noscan(size_t alignment, size_t size)
{
    return allocate_aligned(alignment, size, ML_NOSCAN);
}

EXPORT void *memlog_realloc(void *pointer, size_t size)
{
    if (pointer == NULL)
        return ml_gc_alloc(size, ML_SCAN);
    if (size == 0) {
        ml_heap_free(pointer);
        return NULL;
    }
    return ml_gc_realloc(pointer, size);
}

EXPORT void memlog_free(void *pointer)
{
    ml_heap_free(pointer);
}

EXPORT char *memlog_strdup(const char *string)
{
    if (string == NULL) {
        errno = EINVAL;
        return NULL;
    }
    size_t bytes = strlen(string) + 1;
    char *copy = ml_gc_alloc(bytes, ML_NOSCAN);
    return copy == NULL ? NULL : memcpy(copy, string, bytes);
}

EXPORT size_t memlog_usable_size(const void *pointer)
{
    return pointer == NULL ? 0 : ml_gc_usable_bytes(pointer, "memlog_usable_size");
}

/* ---- objects of a type ------------------------------------------------------------ */

_Static_assert(sizeof(unsigned long) == sizeof(uint64_t), "a long of a bitmap is a block");

EXPORT const struct memlog_type *memlog_type_new(size_t size, const unsigned long *bitmap,
                                                 size_t longs)
{
    return ml_type_new(size, bitmap, longs);
}

EXPORT void *memlog_calloc_typed(size_t count, const struct memlog_type *type)
{
    if (type == NULL) {
        errno = EINVAL;
        return NULL;
    }
    return ml_gc_alloc_typed(array_bytes(count, type->bytes), type);
}

EXPORT void *memlog_malloc_typed(const struct memlog_type *type)
{
    return memlog_calloc_typed(1, type);
}

/* ---- collection ------------------------------------------------------------------ */

/* There is a collector, and it knows this thread. */
static bool is_collected(void) { return ml_gc_attach() == 0 && !ml_gc_is_asleep(); }

EXPORT void memlog_gc(void)
{
    if (is_collected())
        ml_gc_collect(ML_GC_FORCED);
}

EXPORT int memlog_set_gc_percent(int percent)
{
    return is_collected() ? ml_pacer_set_percent(percent) : ml_pacer_percent();
}

EXPORT int64_t memlog_set_memory_limit(int64_t bytes)
{
    return is_collected() ? ml_limit_set(bytes) : ml_limit();
}

EXPORT void memlog_free_os_memory(void)
{
    if (ml_gc_attach() != 0)
        return;
    ml_gc_collect(ML_GC_FORCED);
    struct ml_thread *self = ml_thread_self;
    ml_heap_enter(self);
    ml_thread_flush_all(self);
    ml_release_all();
    ml_heap_leave(self);
}

EXPORT int memlog_add_roots(const void *begin, const void *end)
{
    if ((uintptr_t)end < (uintptr_t)begin)
        return -EINVAL;
    int error = ml_gc_attach();
    return error != 0 ? error : ml_roots_add((uintptr_t)begin, (uintptr_t)end);
}

EXPORT int memlog_remove_roots(const void *begin, const void *end)
{
    int error = ml_gc_attach();
    return error != 0 ? error : ml_roots_remove((uintptr_t)begin, (uintptr_t)end);
}

EXPORT int memlog_register_thread(void) { return ml_gc_attach(); }

EXPORT int memlog_unregister_thread(void)
{
    ml_mutator_unregister();
    return 0;
}

/* ---- finalizers and weak references ---------------------------------------------- */

EXPORT int memlog_set_finalizer(void *object, void (*finalizer)(void *object, void *data),
                                void *data)
{
    return ml_finalize_set(object, finalizer, data);
}

EXPORT struct memlog_weak *memlog_weak_create(void *object) { return ml_weak_create(object); }
EXPORT void *memlog_weak_get(const struct memlog_weak *weak) { return ml_weak_get(weak); }
EXPORT void memlog_weak_destroy(struct memlog_weak *weak) { ml_weak_destroy(weak); }

/* ---- numbers ------------------------------------------------------------------------ */

EXPORT int memlog_read_memstats(struct memlog_memstats *stats)
{
    if (stats == NULL)
        return -EINVAL;
    ml_stats_read(stats);
    return 0;
}

EXPORT int memlog_read_extra(struct memlog_extra *extra)
{
    if (extra == NULL || extra->size == 0)
        return -EINVAL;
    struct memlog_extra all = { .size = sizeof(all) };
    ml_stats_read_extra(&all);
    ml_log_counts(&all.log_samples, &all.log_lost);
    all.size = extra->size;
    memcpy(extra, &all, ml_min(extra->size, sizeof(all)));
    return 0;
}

EXPORT int memlog_memstats_json(const struct memlog_memstats *stats, char *buffer, size_t n)
{
    struct ml_text text;
    if (stats == NULL)
        return -EINVAL;
    ml_text_init(&text, buffer, n);
    ml_json_memstats(&text, stats);
    return (int)ml_text_finish(&text);
}

/* ---- the log -------------------------------------------------------------------------- */

/* libmemlog-http's, in a program that has it. */
#pragma weak memlog_http_start

/* The log begins, and MEMLOG_HTTP asks for pages. Whatever becomes of them, it goes on. */
static void start_pages(void)
{
    if (ml_os_getenv("MEMLOG_HTTP") == NULL)
        return;
    if (memlog_http_start != NULL)
        (void)memlog_http_start(NULL);
    else
        ml_os_complain("MEMLOG_HTTP: no pages, since the program is not linked with libmemlog-http; "
                       "LD_PRELOAD=libmemlog-http.so brings it, and memlog run --http serves them from outside",
                       NULL);
}

EXPORT int memlog_log_start(const struct memlog_log_options *options)
{
    struct ml_log_settings settings;
    int error = ml_options_log(options, &settings);
    start_pages();
    settings.gc = ml_gc_is_asleep() ? "off" : ml_gc_can_run_along() ? "concurrent" : "stop";
    return error != 0 ? error : ml_log_start(&settings);
}

EXPORT int memlog_log_sample(void) { return ml_log_sample(); }
EXPORT int memlog_log_mark(const char *name) { return ml_log_mark(name); }
EXPORT int memlog_log_stop(void) { return ml_log_stop(); }

/* ---- the heap profile ------------------------------------------------------------------ */

EXPORT int memlog_profile_write(int fd, int format)
{
    if (format != MEMLOG_PROFILE_PPROF && format != MEMLOG_PROFILE_TEXT)
        return -EINVAL;
    int error = ml_thread_attached() ? 0 : ml_heap_init();
    if (error == 0 && !ml_thread_attached())
        error = ml_thread_attach(false);
    if (error != 0)
        return error;
    return format == MEMLOG_PROFILE_TEXT ? ml_profile_text_write(fd)
                                         : ml_pprof_write(fd, "memlog " PACKAGE_VERSION);
}

EXPORT const char *memlog_version(void) { return PACKAGE_VERSION; }

/* The same function by a name that nobody can stand before. */
static const char *own_version(void) __attribute__((alias("memlog_version")));

bool ml_api_is_preempted(void) { return memlog_version != own_version; }
