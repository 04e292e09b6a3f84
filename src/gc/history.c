/* SPDX-License-Identifier: MIT */
#include "gc/history.h"

#include "base/bits.h"
#include "base/publish.h"
#include "gc/pacer.h"
#include "os/clock.h"
#include "os/process.h"

static struct ml_gc_history history;
ML_NO_ROOT static struct ml_gc_record records[MEMLOG_PAUSES];
static uint32_t sequence; /* odd while one of them changes */
static uint64_t begun_ns;
ML_PUBLISH("gc.history", history);
ML_PUBLISH("gc.records", records);
ML_PUBLISH("gc.sequence", sequence);
ML_PUBLISH_STRUCT(ml_gc_history);
ML_PUBLISH_MEMBER(ml_gc_history, pause_ns);
ML_PUBLISH_MEMBER(ml_gc_history, pause_end);
ML_PUBLISH_MEMBER(ml_gc_history, pause_total_ns);
ML_PUBLISH_MEMBER(ml_gc_history, pauses);
ML_PUBLISH_MEMBER(ml_gc_history, pause_longest_ns);
ML_PUBLISH_MEMBER(ml_gc_history, pause_times);
ML_PUBLISH_MEMBER(ml_gc_history, stop_times);
ML_PUBLISH_MEMBER(ml_gc_history, cycles);
ML_PUBLISH_MEMBER(ml_gc_history, forced);
ML_PUBLISH_MEMBER(ml_gc_history, along);
ML_PUBLISH_MEMBER(ml_gc_history, last_along);
ML_PUBLISH_MEMBER(ml_gc_history, last_end);
ML_PUBLISH_MEMBER(ml_gc_history, cpu_ns);
ML_PUBLISH_MEMBER(ml_gc_history, cpu_fraction);
ML_PUBLISH_MEMBER(ml_gc_history, live_bytes);
ML_PUBLISH_MEMBER(ml_gc_history, live_objects);
ML_PUBLISH_MEMBER(ml_gc_history, twice);
ML_PUBLISH_MEMBER(ml_gc_history, root_stack_bytes);
ML_PUBLISH_MEMBER(ml_gc_history, root_data_bytes);
ML_PUBLISH_MEMBER(ml_gc_history, root_added_bytes);
ML_PUBLISH_MEMBER(ml_gc_history, last_stop_ns);
ML_PUBLISH_MEMBER(ml_gc_history, last_mark_ns);
ML_PUBLISH_MEMBER(ml_gc_history, looked_up);

void ml_gc_history_init(void) { begun_ns = ml_os_monotonic_ns(); }

/* Words as relaxed atomics, since a reader may look meanwhile. */
static void copy_words(void *to, const void *from, size_t bytes)
{
    uint64_t *words = to;
    const uint64_t *source = from;
    for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
        __atomic_store_n(&words[i], __atomic_load_n(&source[i], __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
}

/* ---- writing ----------------------------------------------------------------------- */

static void begin_change(void)
{
    __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void end_change(void) { __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELEASE); }

void ml_gc_publish_live(uint64_t objects, uint64_t bytes)
{
    struct ml_marked_twice twice = ml_heap_marked_twice();
    begin_change();
    copy_words(&history.live_objects, &objects, sizeof(objects));
    copy_words(&history.live_bytes, &bytes, sizeof(bytes));
    copy_words(&history.twice.objects, &twice.objects, sizeof(twice.objects));
    copy_words(&history.twice.bytes, &twice.bytes, sizeof(twice.bytes));
    end_change();
}

static void describe(struct ml_gc_record *record, const struct ml_cycle *cycle,
                     const struct ml_gc_circumstances *circumstances)
{
    const struct ml_pauses *pauses = &cycle->pauses;
    *record = (struct ml_gc_record){
        .number = history.cycles + 1,
        .along = cycle->ran_along,
        .reason = circumstances->reason,
        .began_ns = circumstances->began_ns - begun_ns,
        .ended_ns = ml_os_realtime_ns(),
        .took_ns = cycle->mark,
        .cpu_ns = circumstances->cpu_ns,
        .taken_bytes = circumstances->taken_bytes,
        .live_bytes = cycle->live_bytes,
        .goal_bytes = ml_pacer_goal(),
        .pauses = pauses->count,
        .first_ns = pauses->first,
        .last_ns = pauses->last,
        .longest_ns = pauses->longest,
        .stopped_ns = pauses->sum,
        .stand_ns = cycle->stop,
        .rounds = cycle->rounds,
        .slices = cycle->slices,
        .root_bytes = cycle->roots.stack + cycle->roots.data + cycle->roots.added,
        .last = { cycle->last.stand, cycle->last.roots, cycle->last.pages, cycle->last.finish,
                  cycle->pages_written },
    };
}

static void add_histogram(struct memlog_histogram *sum, const struct memlog_histogram *more)
{
    for (unsigned i = 0; i < MEMLOG_HISTOGRAM; i++)
        sum->counts[i] += more->counts[i];
    sum->sum_ns += more->sum_ns;
}

static void add(struct ml_gc_history *next, const struct ml_gc_record *record,
                const struct ml_cycle *cycle)
{
    unsigned at = (unsigned)(next->cycles % MEMLOG_PAUSES);
    next->pause_ns[at] = record->stopped_ns;
    next->pause_end[at] = record->ended_ns;
    next->pause_total_ns += record->stopped_ns;
    next->pauses += record->pauses;
    next->pause_longest_ns = ml_max(next->pause_longest_ns, record->longest_ns);
    add_histogram(&next->pause_times, &cycle->pauses.times);
    add_histogram(&next->stop_times, &cycle->pauses.stops);
    next->last_end = record->ended_ns;
    next->cycles++;
    next->forced += record->reason == ML_GC_FORCED;
    next->along += record->along;
    next->last_along = record->along;
    next->cpu_ns += record->cpu_ns;
    uint64_t available = (ml_os_monotonic_ns() - begun_ns) * ml_os_online_cpus();
    next->cpu_fraction = available == 0 ? 0 : (double)next->cpu_ns / (double)available;
    next->root_stack_bytes = cycle->roots.stack;
    next->root_data_bytes = cycle->roots.data;
    next->root_added_bytes = cycle->roots.added;
    next->last_stop_ns = record->stand_ns;
    next->last_mark_ns = record->took_ns;
    next->looked_up += cycle->looked_up;
}

const struct ml_gc_record *ml_gc_book(const struct ml_cycle *cycle,
                                      const struct ml_gc_circumstances *circumstances)
{
    static struct ml_gc_history next; /* big for a small stack; under the lock */
    static struct ml_gc_record record;
    describe(&record, cycle, circumstances);
    next = history;
    add(&next, &record, cycle);
    begin_change();
    copy_words(&history, &next, sizeof(history));
    copy_words(&records[record.number % MEMLOG_PAUSES], &record, sizeof(record));
    end_change();
    return &record;
}

/* ---- reading ----------------------------------------------------------------------- */

static uint32_t begin_reading(void)
{
    uint32_t now;
    while ((now = __atomic_load_n(&sequence, __ATOMIC_ACQUIRE)) & 1)
        __builtin_ia32_pause();
    return now;
}

static bool has_changed_since(uint32_t before)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&sequence, __ATOMIC_RELAXED) != before;
}

void ml_gc_history_read(struct ml_gc_history *copy)
{
    uint32_t before;
    struct ml_marked_twice twice; /* as far as the sweep has found out */
    do {
        before = begin_reading();
        copy_words(copy, &history, sizeof(*copy));
        twice = ml_heap_marked_twice();
    } while (has_changed_since(before));
    ml_gc_history_correct(copy, &twice);
}

uint64_t ml_gc_cycles(void) { return __atomic_load_n(&history.cycles, __ATOMIC_RELAXED); }

uint64_t ml_gc_looked_up(void) { return __atomic_load_n(&history.looked_up, __ATOMIC_RELAXED); }

bool ml_gc_record_read(uint64_t number, struct ml_gc_record *record)
{
    uint32_t before;
    do {
        before = begin_reading();
        copy_words(record, &records[number % MEMLOG_PAUSES], sizeof(*record));
    } while (has_changed_since(before));
    return number != 0 && record->number == number;
}
