/* SPDX-License-Identifier: MIT */
/* fields.c - the table of every number, and the layout it relies on. */
#include "stats/fields.h"

#include <string.h>

/* --- the layout is Go's, so that a dump of one reads as the other --------- */

#define PLACED_AS_IN_GO(member, place)                                         \
    _Static_assert(offsetof(struct memlog_memstats, member) == (place),        \
                   #member " is where runtime.MemStats has it")

_Static_assert(sizeof(struct memlog_memstats) == 5776, "as large as runtime.MemStats");
_Static_assert(sizeof(struct memlog_by_size) == 24, "as large as an entry of BySize");
PLACED_AS_IN_GO(alloc, 0);
PLACED_AS_IN_GO(total_alloc, 8);
PLACED_AS_IN_GO(sys, 16);
PLACED_AS_IN_GO(lookups, 24);
PLACED_AS_IN_GO(mallocs, 32);
PLACED_AS_IN_GO(frees, 40);
PLACED_AS_IN_GO(heap_alloc, 48);
PLACED_AS_IN_GO(heap_sys, 56);
PLACED_AS_IN_GO(heap_idle, 64);
PLACED_AS_IN_GO(heap_inuse, 72);
PLACED_AS_IN_GO(heap_released, 80);
PLACED_AS_IN_GO(heap_objects, 88);
PLACED_AS_IN_GO(stack_inuse, 96);
PLACED_AS_IN_GO(stack_sys, 104);
PLACED_AS_IN_GO(mspan_inuse, 112);
PLACED_AS_IN_GO(mspan_sys, 120);
PLACED_AS_IN_GO(mcache_inuse, 128);
PLACED_AS_IN_GO(mcache_sys, 136);
PLACED_AS_IN_GO(buck_hash_sys, 144);
PLACED_AS_IN_GO(gc_sys, 152);
PLACED_AS_IN_GO(other_sys, 160);
PLACED_AS_IN_GO(next_gc, 168);
PLACED_AS_IN_GO(last_gc, 176);
PLACED_AS_IN_GO(pause_total_ns, 184);
PLACED_AS_IN_GO(pause_ns, 192);
PLACED_AS_IN_GO(pause_end, 2240);
PLACED_AS_IN_GO(num_gc, 4288);
PLACED_AS_IN_GO(num_forced_gc, 4292);
PLACED_AS_IN_GO(gc_cpu_fraction, 4296);
PLACED_AS_IN_GO(enable_gc, 4304);
PLACED_AS_IN_GO(debug_gc, 4305);
PLACED_AS_IN_GO(by_size, 4312);

/* --- the table ------------------------------------------------------------ */

/* Name, place and type come from the member itself, so that a row can't
 * contradict the struct; a member of a type no renderer knows won't compile. */
#define TYPE_OF(structure, member)                                             \
    _Generic(((structure *)0)->member,                                         \
        uint64_t: ML_TYPE_U64,                                                 \
        int64_t: ML_TYPE_I64,                                                  \
        uint32_t: ML_TYPE_U32,                                                 \
        double: ML_TYPE_DOUBLE,                                                \
        bool: ML_TYPE_BOOL,                                                    \
        uint64_t *: ML_TYPE_U64_RING,                                          \
        struct memlog_by_size *: ML_TYPE_BY_SIZE,                              \
        struct memlog_histogram: ML_TYPE_HISTOGRAM)

#define FIELD(structure, its_home, member, its_go_name, its_metric, its_unit, its_kind, its_help) \
    {                                                                          \
        .name = #member, .go_name = its_go_name, .metric = its_metric, .help = its_help, \
        .offset = offsetof(structure, member), .home = its_home,               \
        .type = TYPE_OF(structure, member), .unit = its_unit, .kind = its_kind \
    }

#define STATS(...) FIELD(struct memlog_memstats, ML_HOME_MEMSTATS, __VA_ARGS__)
#define EXTRA(...) FIELD(struct memlog_extra, ML_HOME_EXTRA, __VA_ARGS__)
#define USAGE(...) FIELD(struct ml_os_usage, ML_HOME_USAGE, __VA_ARGS__)

/* What metrics do without: heap_alloc, pause_total_ns, pauses and rss, which are the same numbers
 * as alloc, the pause histogram's sum and count, and process_resident_memory_bytes; stack_inuse,
 * always stack_sys; the rings of single pauses, which the histogram has for good;
 * gc_cpu_fraction, an average since the start, which rates of gc_cpu_ns beat; enable_gc, told by
 * gc_percent; debug_gc, a setting; gc_concurrent, told by gc_along's growth; pss and swap, for
 * which the kernel walks over all pages. */
#define NO_METRIC NULL

const struct ml_field ml_fields[] = {
    STATS(alloc, "Alloc", "memlog_heap_alloc_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes in heap objects that have not been freed"),
    STATS(total_alloc, "TotalAlloc", "memlog_allocated_bytes_total", ML_UNIT_BYTES, ML_TOTAL,
          "Bytes allocated for heap objects since the start, freed ones included"),
    STATS(sys, "Sys", "memlog_sys_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of memory taken from the operating system, the sum of all the Sys numbers"),
    STATS(lookups, "Lookups", "memlog_lookups_total", ML_UNIT_COUNT, ML_TOTAL,
          "Addresses resolved to heap objects"),
    STATS(mallocs, "Mallocs", "memlog_mallocs_total", ML_UNIT_COUNT, ML_TOTAL,
          "Heap objects allocated"),
    STATS(frees, "Frees", "memlog_frees_total", ML_UNIT_COUNT, ML_TOTAL,
          "Heap objects freed, by the program or by the collector"),

    STATS(heap_alloc, "HeapAlloc", NO_METRIC, ML_UNIT_BYTES, ML_GAUGE, "The same number as Alloc"),
    STATS(heap_sys, "HeapSys", "memlog_heap_sys_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of heap, in use and idle"),
    STATS(heap_idle, "HeapIdle", "memlog_heap_idle_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of heap in page runs without any object"),
    STATS(heap_inuse, "HeapInuse", "memlog_heap_inuse_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of heap in page runs that are set aside for objects"),
    STATS(heap_released, "HeapReleased", "memlog_heap_released_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of idle heap that have no physical memory behind them"),
    STATS(heap_objects, "HeapObjects", "memlog_heap_objects", ML_UNIT_COUNT, ML_GAUGE,
          "Heap objects that have not been freed"),

    STATS(stack_inuse, "StackInuse", NO_METRIC, ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of the stacks of memlog's own threads"),
    STATS(stack_sys, "StackSys", "memlog_stack_sys_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes obtained for the stacks of memlog's own threads"),
    STATS(mspan_inuse, "MSpanInuse", "memlog_mspan_inuse_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of span descriptors in use"),
    STATS(mspan_sys, "MSpanSys", "memlog_mspan_sys_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes obtained for span descriptors"),
    STATS(mcache_inuse, "MCacheInuse", "memlog_mcache_inuse_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of thread caches and their counters in use"),
    STATS(mcache_sys, "MCacheSys", "memlog_mcache_sys_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes obtained for thread caches and their counters"),
    STATS(buck_hash_sys, "BuckHashSys", "memlog_buck_hash_sys_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes obtained for the heap profile's buckets"),
    STATS(gc_sys, "GCSys", "memlog_gc_sys_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes obtained for the collector's own maps"),
    STATS(other_sys, "OtherSys", "memlog_other_sys_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes obtained for everything that no other Sys number counts"),

    STATS(next_gc, "NextGC", "memlog_next_gc_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Heap size at which the next collection begins"),
    STATS(last_gc, "LastGC", "memlog_last_gc_timestamp_seconds", ML_UNIT_UNIX_NANOSECONDS, ML_GAUGE,
          "When the last collection finished, 0 before the first"),
    STATS(pause_total_ns, "PauseTotalNs", NO_METRIC, ML_UNIT_NANOSECONDS, ML_TOTAL,
          "Time the program was stopped for collections"),
    STATS(pause_ns, "PauseNs", NO_METRIC, ML_UNIT_NANOSECONDS, ML_GAUGE,
          "Time the program was stopped in each of the last 256 collections"),
    STATS(pause_end, "PauseEnd", NO_METRIC, ML_UNIT_UNIX_NANOSECONDS, ML_GAUGE,
          "When the last pause of each of the last 256 collections ended"),
    STATS(num_gc, "NumGC", "memlog_gc_cycles_total", ML_UNIT_COUNT, ML_TOTAL,
          "Collections completed"),
    STATS(num_forced_gc, "NumForcedGC", "memlog_gc_forced_cycles_total", ML_UNIT_COUNT, ML_TOTAL,
          "Collections that the program asked for"),
    STATS(gc_cpu_fraction, "GCCPUFraction", NO_METRIC, ML_UNIT_FRACTION, ML_GAUGE,
          "Share of the available CPU time that the collector took since the start"),
    STATS(enable_gc, "EnableGC", NO_METRIC, ML_UNIT_FLAG, ML_GAUGE,
          "Whether memory is collected automatically"),
    STATS(debug_gc, "DebugGC", NO_METRIC, ML_UNIT_FLAG, ML_GAUGE,
          "Whether the collector checks itself"),
    STATS(by_size, "BySize", "memlog_size_class", ML_UNIT_COUNT, ML_TOTAL,
          "Objects allocated and freed in each size class"),

    EXTRA(large_mallocs, "LargeMallocs", "memlog_large_mallocs_total", ML_UNIT_COUNT, ML_TOTAL,
          "Objects above the largest size class allocated"),
    EXTRA(large_frees, "LargeFrees", "memlog_large_frees_total", ML_UNIT_COUNT, ML_TOTAL,
          "Objects above the largest size class freed"),
    EXTRA(large_malloc_bytes, "LargeMallocBytes", "memlog_large_allocated_bytes_total",
          ML_UNIT_BYTES, ML_TOTAL, "Bytes of large objects allocated, in whole pages"),
    EXTRA(large_free_bytes, "LargeFreeBytes", "memlog_large_freed_bytes_total",
          ML_UNIT_BYTES, ML_TOTAL, "Bytes of large objects freed, in whole pages"),
    EXTRA(frees_explicit, "FreesExplicit", "memlog_explicit_frees_total", ML_UNIT_COUNT, ML_TOTAL,
          "Objects freed by the program"),
    EXTRA(frees_swept, "FreesSwept", "memlog_swept_frees_total", ML_UNIT_COUNT, ML_TOTAL,
          "Objects freed by the collector"),
    EXTRA(bytes_freed_explicit, "BytesFreedExplicit", "memlog_explicit_freed_bytes_total",
          ML_UNIT_BYTES, ML_TOTAL, "Bytes of objects freed by the program"),
    EXTRA(bytes_freed_swept, "BytesFreedSwept", "memlog_swept_freed_bytes_total",
          ML_UNIT_BYTES, ML_TOTAL, "Bytes of objects freed by the collector"),
    EXTRA(live_bytes, "LiveBytes", "memlog_live_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of the objects that the last collection reached"),
    EXTRA(live_objects, "LiveObjects", "memlog_live_objects", ML_UNIT_COUNT, ML_GAUGE,
          "Objects that the last collection reached"),
    EXTRA(root_stack_bytes, "RootStackBytes", "memlog_root_stack_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of thread stacks that the last collection scanned"),
    EXTRA(root_data_bytes, "RootDataBytes", "memlog_root_data_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of data segments that the last collection scanned"),
    EXTRA(root_added_bytes, "RootAddedBytes", "memlog_root_added_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes of roots added by the program that the last collection scanned"),
    EXTRA(last_stop_ns, "LastStopNs", "memlog_gc_last_stop_seconds", ML_UNIT_NANOSECONDS, ML_GAUGE,
          "Time the last collection took to stop all threads"),
    EXTRA(last_mark_ns, "LastMarkNs", "memlog_gc_last_mark_seconds", ML_UNIT_NANOSECONDS, ML_GAUGE,
          "Time the last collection took to mark"),
    EXTRA(gc_cpu_ns, "GCCPUNs", "memlog_gc_cpu_seconds_total", ML_UNIT_NANOSECONDS, ML_TOTAL,
          "CPU time the collector took"),
    EXTRA(gc_percent, "GCPercent", "memlog_gc_growth_ratio", ML_UNIT_PERCENT, ML_GAUGE,
          "Growth over the live heap that starts a collection"),
    EXTRA(threads, "Threads", "memlog_threads", ML_UNIT_COUNT, ML_GAUGE,
          "Threads that hold a cache"),
    EXTRA(rss, "RSS", NO_METRIC, ML_UNIT_BYTES, ML_GAUGE, "Physical memory of the whole process"),
    EXTRA(cgroup_limit, "CgroupLimit", "memlog_cgroup_limit_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Memory limit of the process's cgroup"),
    EXTRA(log_samples, "LogSamples", "memlog_log_samples_total", ML_UNIT_COUNT, ML_TOTAL,
          "Lines written to the log"),
    EXTRA(log_lost, "LogLost", "memlog_log_lost_samples_total", ML_UNIT_COUNT, ML_TOTAL,
          "Samples lost because the log could not be written"),
    EXTRA(heap_reserved, "HeapReserved", "memlog_heap_reserved_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Address space reserved for the heap"),
    EXTRA(gc_along, "GCAlong", "memlog_gc_concurrent_cycles_total", ML_UNIT_COUNT, ML_TOTAL,
          "Collections that marked while the program ran"),
    EXTRA(gc_concurrent, "GCConcurrent", NO_METRIC, ML_UNIT_COUNT, ML_GAUGE,
          "Whether the last collection marked while the program ran, 1 or 0"),
    EXTRA(pauses, "Pauses", NO_METRIC, ML_UNIT_COUNT, ML_TOTAL,
          "Times the collector stopped the program"),
    EXTRA(pause_longest_ns, "PauseLongestNs", "memlog_gc_longest_pause_seconds",
          ML_UNIT_NANOSECONDS, ML_GAUGE, "The longest time the collector stopped the program"),
    EXTRA(memory_limit, "MemoryLimit", "memlog_memory_limit_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Bytes that Sys less HeapReleased is to stay at or under"),
    EXTRA(limit_goal, "LimitGoal", "memlog_memory_limit_goal_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Heap size at which the memory limit alone has the next collection begin"),
    EXTRA(limit_held_gc, "LimitHeldGC", "memlog_memory_limit_held_cycle", ML_UNIT_COUNT, ML_GAUGE,
          "Number of the last collection after which the limit was not heeded for a while"),
    EXTRA(finalizers_registered, "FinalizersRegistered", "memlog_finalizers_registered",
          ML_UNIT_COUNT, ML_GAUGE, "Finalizers whose objects have not become unreachable yet"),
    EXTRA(finalizers_queued, "FinalizersQueued", "memlog_finalizers_queued",
          ML_UNIT_COUNT, ML_GAUGE, "Finalizers that are due or running"),
    EXTRA(finalizers_run, "FinalizersRun", "memlog_finalizers_run_total", ML_UNIT_COUNT, ML_TOTAL,
          "Finalizers that have run"),
    EXTRA(weak_references, "WeakReferences", "memlog_weak_references", ML_UNIT_COUNT, ML_GAUGE,
          "Objects with a weak reference"),
    EXTRA(pause_histogram, "PauseHistogram", "memlog_gc_pause_seconds",
          ML_UNIT_NANOSECONDS, ML_TOTAL,
          "Times the collector stopped the program, by their length"),
    EXTRA(stop_histogram, "StopHistogram", "memlog_gc_stop_seconds", ML_UNIT_NANOSECONDS, ML_TOTAL,
          "Times the collector stopped the program, by the time until all threads stood"),

    USAGE(pss, "PSS", NO_METRIC, ML_UNIT_BYTES, ML_GAUGE,
          "Physical memory of the process, of shared pages its share"),
    USAGE(swap, "Swap", NO_METRIC, ML_UNIT_BYTES, ML_GAUGE,
          "Memory of the process that is swapped out"),
    USAGE(majflt, "MajFlt", "memlog_process_major_page_faults_total", ML_UNIT_COUNT, ML_TOTAL,
          "Page faults of the process that waited for a disk"),
    USAGE(process_threads, "ProcessThreads", "process_threads", ML_UNIT_COUNT, ML_GAUGE,
          "Threads of the process"),
    USAGE(fds, "Fds", "process_open_fds", ML_UNIT_COUNT, ML_GAUGE,
          "Open file descriptors of the process"),
    USAGE(cgroup_current, "CgroupCurrent", "memlog_cgroup_current_bytes", ML_UNIT_BYTES, ML_GAUGE,
          "Memory that the process's cgroup is charged with"),
};

enum { FIELDS_COUNT = sizeof(ml_fields) / sizeof(ml_fields[0]) };
const size_t ml_fields_count = FIELDS_COUNT;

/* Whoever adds a member learns here that it wants a row. All of memlog_extra's
 * members are 8 bytes long, but for the histograms, and all but `size` have one. */
enum {
    FIELDS_OF_MEMSTATS = 32,
    HISTOGRAMS = 2,
    HISTOGRAM_BYTES = HISTOGRAMS * sizeof(struct memlog_histogram),
    WORDS_OF_EXTRA = (sizeof(struct memlog_extra) - HISTOGRAM_BYTES) / sizeof(uint64_t),
    WORDS_OF_USAGE = sizeof(struct ml_os_usage) / sizeof(uint64_t)
};
_Static_assert(FIELDS_COUNT == FIELDS_OF_MEMSTATS + HISTOGRAMS + WORDS_OF_EXTRA - 1 + WORDS_OF_USAGE,
               "every member has its row");
_Static_assert(sizeof(struct memlog_memstats) <= UINT16_MAX &&
                   sizeof(struct memlog_extra) <= UINT16_MAX,
               "an offset fits the row");

/* --- finding -------------------------------------------------------------- */

static bool is_spelled(const char *spelling, const char *name, size_t length)
{
    return strlen(spelling) == length && memcmp(spelling, name, length) == 0;
}

const struct ml_field *ml_field_find(const char *name, size_t length)
{
    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        if (is_spelled(field->name, name, length) || is_spelled(field->go_name, name, length))
            return field;
    }
    return NULL;
}

bool ml_field_is_of_heap(const struct ml_field *field)
{
    static const size_t others[] = {
        offsetof(struct memlog_extra, rss),
        offsetof(struct memlog_extra, cgroup_limit),
        offsetof(struct memlog_extra, log_samples),
        offsetof(struct memlog_extra, log_lost),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (field->home == ML_HOME_EXTRA && field->offset == others[i])
            return false;
    return field->home != ML_HOME_USAGE;
}

bool ml_field_is_known(const struct ml_field *field, const struct memlog_extra *extra)
{
    bool is_of_system = field->home == ML_HOME_EXTRA &&
                        (field->offset == offsetof(struct memlog_extra, rss) ||
                         field->offset == offsetof(struct memlog_extra, cgroup_limit));
    return !is_of_system || extra->rss != 0;
}

bool ml_field_is_no_limit(const struct ml_field *field, uint64_t bytes)
{
    bool is_of_cgroup = field->home == ML_HOME_EXTRA &&
                        field->offset == offsetof(struct memlog_extra, cgroup_limit);
    return bytes >= INT64_MAX || (is_of_cgroup && bytes == 0);
}
