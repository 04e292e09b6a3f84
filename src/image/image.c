/* SPDX-License-Identifier: MIT */
#include "image/image.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gc/pacer.h"
#include "image/published.h"
#include "profile/buckets.h"

/* ---- what is published ------------------------------------------------------ */

enum variable {
    GROUPS, FIGURES, FIGURES_SEQUENCE, HISTORY, RECORDS, HISTORY_SEQUENCE, MARKED_TWICE,
    METADATA_SYS, METADATA_INUSE, TABLE_BYTES, SPAN_BYTES, MARK_STACK_BYTES, OWN_STACK_BYTES, PACE,
    PERCENT_GOAL, LIMIT_GOAL, LIMIT, LIMIT_LAST_HELD, VERIFIES, FINALIZERS, WEAK_REFERENCES, MAP,
    SAMPLE_RATE, NEWEST_BUCKET,
    VARIABLES
};

#define FIELD_BYTES(structure, member) sizeof(((structure *)NULL)->member)
#define RAW_BYTES(member) FIELD_BYTES(struct ml_raw_stats, member)

static const struct {
    const char *name;
    size_t bytes;
} variables[VARIABLES] = {
    [GROUPS] = { "threadgroup.groups", sizeof(void *) },
    [FIGURES] = { "pageheap.figures", sizeof(struct ml_pageheap_figures) },
    [FIGURES_SEQUENCE] = { "pageheap.sequence", sizeof(uint32_t) },
    [HISTORY] = { "gc.history", sizeof(struct ml_gc_history) },
    [RECORDS] = { "gc.records", MEMLOG_PAUSES * sizeof(struct ml_gc_record) },
    [HISTORY_SEQUENCE] = { "gc.sequence", sizeof(uint32_t) },
    [MARKED_TWICE] = { "taken.marked_twice", sizeof(struct ml_marked_twice) },
    [METADATA_SYS] = { "metadata.sys", RAW_BYTES(metadata_sys) },
    [METADATA_INUSE] = { "metadata.inuse", RAW_BYTES(metadata_inuse) },
    [TABLE_BYTES] = { "spanmap.table_bytes", RAW_BYTES(table_bytes) },
    [SPAN_BYTES] = { "spanmap.span_bytes", RAW_BYTES(span_bytes) },
    [MARK_STACK_BYTES] = { "markstack.committed_bytes", RAW_BYTES(mark_stack_bytes) },
    [OWN_STACK_BYTES] = { "thread.own_stack_bytes", RAW_BYTES(own_stack_bytes) },
    [PACE] = { "pacer.pace", sizeof(struct ml_pace) },
    [PERCENT_GOAL] = { "pacer.percent_goal", RAW_BYTES(goal) },
    [LIMIT_GOAL] = { "pacer.limit_goal", RAW_BYTES(limit_goal) },
    [LIMIT] = { "limit.bytes", RAW_BYTES(limit) },
    [LIMIT_LAST_HELD] = { "limit.last_held", RAW_BYTES(limit_last_held) },
    [VERIFIES] = { "verify.on", RAW_BYTES(verifies) },
    [FINALIZERS] = { "finalize.counts", RAW_BYTES(finalizers) },
    [WEAK_REFERENCES] = { "weak.count", RAW_BYTES(weak_references) },
    [MAP] = { "spanmap.map", sizeof(struct ml_spanmap) },
    [SAMPLE_RATE] = { "sample.rate", sizeof(uint64_t) },
    [NEWEST_BUCKET] = { "profile.newest", sizeof(void *) },
};

/* Copies of all threads' blocks, made at one time, that refer to one another. */
struct blocks {
    struct ml_thread_group *first;
    struct group {
        struct ml_thread_group group;
        struct ml_thread threads[ML_THREADS_IN_GROUP];
    } **groups; /* one block each, kept for the next time */
    size_t count;
};

struct ml_image {
    struct ml_memory memory;
    struct ml_published_list published;
    uintptr_t addresses[VARIABLES];
    struct blocks before, after; /* frees, then mallocs */
    bool torn;
};

static int read_at(struct ml_image *image, uintptr_t address, void *to, size_t bytes)
{
    return image->memory.read(image->memory.context, address, to, bytes);
}

static int read_variable(struct ml_image *image, enum variable which, void *to)
{
    return read_at(image, image->addresses[which], to, variables[which].bytes);
}

static int find_variables(struct ml_image *image)
{
    for (int i = 0; i < VARIABLES; i++) {
        image->addresses[i] =
            ml_published_variable(&image->published, variables[i].name, variables[i].bytes);
        if (image->addresses[i] == 0)
            return -ENOTSUP;
    }
    return 0;
}

static int open_at(struct ml_image *image, uintptr_t address)
{
    int error = ml_published_read(&image->published, &image->memory, address);
    if (error != 0)
        return error;
    const struct ml_published *shape = ml_published_find(&image->published, "number.bucket_shape");
    bool is_known = shape != NULL && (uintptr_t)shape->address == ML_BUCKET_SHAPE;
    return is_known ? find_variables(image) : -ENOTSUP;
}

struct ml_image *ml_image_open(const struct ml_memory *memory, uintptr_t root, int *error)
{
    struct ml_image *image = calloc(1, sizeof(*image));
    *error = -ENOMEM;
    if (image == NULL)
        return NULL;
    ml_sizeclass_init();
    image->memory = *memory;
    *error = open_at(image, root);
    if (*error == 0)
        return image;
    ml_image_close(image);
    return NULL;
}

static void free_blocks(struct blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++)
        free(blocks->groups[i]);
    free(blocks->groups);
}

void ml_image_close(struct ml_image *image)
{
    if (image == NULL)
        return;
    free_blocks(&image->before);
    free_blocks(&image->after);
    ml_published_free(&image->published);
    free(image);
}

/* ---- the threads' blocks ----------------------------------------------------- */

/* Room for the n-th group, or NULL. */
static struct group *room_for(struct blocks *blocks, size_t n)
{
    if (n < blocks->count)
        return blocks->groups[n];
    struct group **more = realloc(blocks->groups, (n + 1) * sizeof(*more));
    if (more == NULL)
        return NULL;
    blocks->groups = more;
    more[n] = malloc(sizeof(*more[n]));
    if (more[n] != NULL)
        blocks->count = n + 1;
    return more[n];
}

/* Blocks that came while the group was copied are left out: bits may say that they
 * are used, and the copy has no place for them. */
static void forget_later_blocks(struct ml_thread_group *group, unsigned blocks)
{
    uint64_t known = blocks == 64 ? UINT64_MAX : ((uint64_t)1 << blocks) - 1;
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        group->users[bin] &= known;
}

/* Blocks never go. */
static int copy_group(struct ml_image *image, struct group *copy, uintptr_t address)
{
    int error = read_at(image, address, &copy->group, sizeof(copy->group));
    unsigned blocks = 0;
    for (; error == 0 && blocks < ML_THREADS_IN_GROUP; blocks++) {
        uintptr_t thread = (uintptr_t)copy->group.threads[blocks];
        if (thread == 0)
            break;
        error = read_at(image, thread, &copy->threads[blocks], sizeof(copy->threads[blocks]));
        copy->group.threads[blocks] = &copy->threads[blocks];
    }
    forget_later_blocks(&copy->group, blocks);
    return error;
}

static int copy_blocks(struct ml_image *image, struct blocks *blocks)
{
    struct ml_thread_group **link = &blocks->first;
    uintptr_t next, seen = 0;
    size_t seen_at = 1;
    int error = read_variable(image, GROUPS, &next);
    for (size_t n = 0; error == 0 && next != 0; n++) {
        if (next == seen) /* round and round: it was overwritten */
            return -EBADMSG;
        if (n == seen_at) {
            seen = next;
            seen_at *= 2;
        }
        struct group *copy = room_for(blocks, n);
        if (copy == NULL)
            return -ENOMEM;
        error = copy_group(image, copy, next);
        next = (uintptr_t)copy->group.next;
        *link = &copy->group;
        link = &copy->group.next;
    }
    *link = NULL;
    return error;
}

/* ---- what changes as a whole ---------------------------------------------------- */

/* Who writes may have lost its processor in the middle, for a scheduler's turn or several: after
 * the first tries, which only cost a glance each, there is some sleep between them. */
static void wait_for_writer(int tries)
{
    enum { GLANCES = 200 };
    const struct timespec moment = { 0, 1000000 };
    if (tries < GLANCES)
        sched_yield();
    else
        nanosleep(&moment, NULL);
}

/* A variable that changes while its sequence number is odd. */
static int read_whole(struct ml_image *image, enum variable sequence, uintptr_t address, void *to,
                      size_t bytes)
{
    enum { PATIENCE = 700 }; /* half a second and more */
    for (int tries = 0; tries < PATIENCE; tries++) {
        uint32_t before, after;
        int error = read_variable(image, sequence, &before);
        if (error == 0)
            error = read_at(image, address, to, bytes);
        if (error == 0)
            error = read_variable(image, sequence, &after);
        if (error != 0)
            return error;
        if (before == after && !(before & 1))
            return 0;
        wait_for_writer(tries);
    }
    image->torn = true;
    return 0;
}

static int read_figures(struct ml_image *image, struct ml_pageheap_figures *figures)
{
    return read_whole(image, FIGURES_SEQUENCE, image->addresses[FIGURES], figures,
                      sizeof(*figures));
}

static int read_history(struct ml_image *image, struct ml_gc_history *history)
{
    struct ml_marked_twice twice;
    int error = read_whole(image, HISTORY_SEQUENCE, image->addresses[HISTORY], history,
                           sizeof(*history));
    if (error == 0)
        error = read_variable(image, MARKED_TWICE, &twice);
    if (error == 0)
        ml_gc_history_correct(history, &twice);
    return error;
}

uint64_t ml_image_cycles(struct ml_image *image)
{
    uint64_t cycles;
    uintptr_t address = image->addresses[HISTORY] + offsetof(struct ml_gc_history, cycles);
    return read_at(image, address, &cycles, sizeof(cycles)) == 0 ? cycles : 0;
}

bool ml_image_cycle(struct ml_image *image, uint64_t number, struct ml_gc_record *record)
{
    uintptr_t address = image->addresses[RECORDS] + number % MEMLOG_PAUSES * sizeof(*record);
    return number != 0 &&
           read_whole(image, HISTORY_SEQUENCE, address, record, sizeof(*record)) == 0 &&
           record->number == number;
}

/* ---- all of it -------------------------------------------------------------------- */

static int read_counts(struct ml_image *image, struct ml_counts *counts)
{
    int error = copy_blocks(image, &image->before);
    if (error == 0)
        error = copy_blocks(image, &image->after);
    if (error != 0)
        return error;
    ml_counts_sum(counts, &image->before.first, &image->after.first);
    error = read_figures(image, &counts->pages);
    if (error != 0 || !ml_counts_are_skewed(counts))
        return error;
    error = copy_blocks(image, &image->before);
    if (error == 0)
        ml_counts_sum_frees_again(counts, &image->before.first);
    return error;
}

static int read_scalars(struct ml_image *image, struct ml_raw_stats *raw)
{
    const struct {
        enum variable which;
        void *to;
    } plain[] = {
        { METADATA_SYS, raw->metadata_sys },
        { METADATA_INUSE, raw->metadata_inuse },
        { TABLE_BYTES, &raw->table_bytes },
        { SPAN_BYTES, &raw->span_bytes },
        { MARK_STACK_BYTES, &raw->mark_stack_bytes },
        { OWN_STACK_BYTES, &raw->own_stack_bytes },
        { PERCENT_GOAL, &raw->goal },
        { LIMIT_GOAL, &raw->limit_goal },
        { LIMIT, &raw->limit },
        { LIMIT_LAST_HELD, &raw->limit_last_held },
        { VERIFIES, &raw->verifies },
        { FINALIZERS, &raw->finalizers },
        { WEAK_REFERENCES, &raw->weak_references },
    };
    int error = 0;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]) && error == 0; i++)
        error = read_variable(image, plain[i].which, plain[i].to);
    raw->goal = ml_min(raw->goal, raw->limit_goal);
    return error;
}

static int read_settings(struct ml_image *image, struct ml_raw_stats *raw)
{
    struct ml_pace pace;
    struct ml_spanmap map;
    int error = read_variable(image, PACE, &pace);
    if (error == 0)
        error = read_variable(image, MAP, &map);
    if (error != 0)
        return error;
    raw->gc_percent = pace.percent;
    raw->reserved_bytes = map.reserved_bytes;
    return 0;
}

int ml_image_read(struct ml_image *image, struct ml_raw_stats *raw)
{
    image->torn = false;
    int error = read_counts(image, &raw->counts);
    if (error == 0)
        error = read_history(image, &raw->history);
    if (error == 0)
        error = read_scalars(image, raw);
    if (error == 0)
        error = read_settings(image, raw);
    return error;
}

static void read_count(struct ml_image *image, const char *name, uint64_t *to)
{
    uint64_t count;
    uintptr_t address = ml_published_variable(&image->published, name, sizeof(count));
    if (address != 0 && read_at(image, address, &count, sizeof(count)) == 0)
        *to = count;
}

void ml_image_add_log_counts(struct ml_image *image, struct memlog_extra *extra)
{
    read_count(image, "log.samples", &extra->log_samples);
    read_count(image, "log.lost", &extra->log_lost);
}

bool ml_image_is_torn(const struct ml_image *image) { return image->torn; }

/* What its magazines hold is what they say, and it is not in the slow paths. */
static bool is_settled(const struct ml_thread *thread)
{
    bool adds_up = thread->inside == 0;
    for (unsigned bin = 0; bin < ML_BINS && adds_up; bin++) {
        const struct ml_magazine *magazine = &thread->magazines[bin];
        uint64_t slots = ((uintptr_t)magazine->top - (uintptr_t)magazine->bottom) / sizeof(void *);
        adds_up = magazine->mallocs - magazine->frees + slots == (uint64_t)magazine->held;
    }
    return adds_up;
}

/* Outside of the slow paths, where magazines get other memory, everything is in its place. */
static bool is_nonsense(const struct ml_thread *thread)
{
    enum { DEPTH_MOST = 64 };
    bool is_sound = thread->inside <= DEPTH_MOST && thread->active <= 1 && thread->own <= 1;
    for (unsigned bin = 0; bin < ML_BINS && is_sound && thread->inside == 0; bin++) {
        const struct ml_magazine *magazine = &thread->magazines[bin];
        is_sound = magazine->bottom <= magazine->top && magazine->top <= magazine->limit;
    }
    return !is_sound;
}

bool ml_image_has_nonsense(const struct ml_image *image)
{
    for (const struct ml_thread_group *group = image->after.first; group != NULL; group = group->next)
        for (int i = 0; i < ML_THREADS_IN_GROUP && group->threads[i] != NULL; i++)
            if (is_nonsense(group->threads[i]))
                return true;
    return false;
}

size_t ml_image_amid(const struct ml_image *image, uint32_t *tids, size_t most)
{
    size_t count = 0;
    for (const struct ml_thread_group *group = image->after.first; group != NULL; group = group->next)
        for (int i = 0; i < ML_THREADS_IN_GROUP && group->threads[i] != NULL; i++)
            if (!is_settled(group->threads[i])) {
                if (count < most)
                    tids[count] = group->threads[i]->tid;
                count++;
            }
    return count;
}

bool ml_image_met_update(const struct ml_image *image)
{
    return image->torn || ml_image_amid(image, NULL, 0) != 0;
}

int ml_image_profile(struct ml_image *image, struct ml_image_profile *profile)
{
    int error = read_variable(image, SAMPLE_RATE, &profile->rate);
    return error != 0 ? error : read_variable(image, NEWEST_BUCKET, &profile->newest_bucket);
}

const struct ml_memory *ml_image_memory(const struct ml_image *image) { return &image->memory; }

const struct ml_published_list *ml_image_published(const struct ml_image *image)
{
    return &image->published;
}
