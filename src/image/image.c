/* SPDX-License-Identifier: MIT */
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gc/pacer.h"
#include "os/process.h"
#include "profile/buckets.h"
#include "stats/layout.h"

static bool has_no_memory(pid_t pid)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    return ml_os_rss_bytes_of(path) == 0;
}

/* The same by a file, for which the kernel's own rules are the same. What it answers where a
 * process has ended differs with the version and the user. */
static int read_through_file(pid_t pid, uintptr_t address, void *to, size_t bytes)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, to, bytes, (off_t)address);
    if (fd >= 0)
        close(fd);
    if (got == (ssize_t)bytes)
        return 0;
    if (has_no_memory(pid))
        return -ESRCH;
    return fd < 0 ? -EPERM : -EFAULT;
}

/* Seccomp profiles of older container engines refuse the call to whoever has no CAP_SYS_PTRACE. */
int ml_memory_of_process(void *pid, uintptr_t address, void *to, size_t bytes)
{
    struct iovec here = { to, bytes }, there = { (void *)address, bytes };
    ssize_t got = process_vm_readv(*(const pid_t *)pid, &here, 1, &there, 1, 0);
    if (got < 0 && (errno == EPERM || errno == ENOSYS))
        return read_through_file(*(const pid_t *)pid, address, to, bytes);
    if (got < 0)
        return -errno;
    return (size_t)got == bytes ? 0 : -EFAULT;
}

/* ---- what is published ------------------------------------------------------ */

enum variable {
    GROUPS, FIGURES, FIGURES_SEQUENCE, HISTORY, RECORDS, HISTORY_SEQUENCE, MARKED_TWICE,
    METADATA_SYS, METADATA_INUSE, TABLE_BYTES, SPAN_BYTES, MARK_STACK_BYTES, OWN_STACK_BYTES, PACE,
    PERCENT_GOAL, LIMIT_GOAL, LIMIT, LIMIT_LAST_HELD, VERIFIES, FINALIZERS, WEAK_REFERENCES, MAP,
    SAMPLE_RATE, NEWEST_BUCKET, BUCKET_SHAPE,
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
    [BUCKET_SHAPE] = { "profile.shape", sizeof(uint64_t) },
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

static int take_entry(struct ml_image *image, const struct ml_published *entry)
{
    for (int i = 0; i < VARIABLES; i++)
        if (strncmp(entry->name, variables[i].name, sizeof(entry->name)) == 0) {
            if (entry->bytes != variables[i].bytes)
                return -ENOTSUP;
            image->addresses[i] = (uintptr_t)entry->address;
        }
    return 0;
}

static int find_variables(struct ml_image *image, const struct memlog_root *root)
{
    enum { ENTRIES_MOST = 1000 };
    size_t bytes = (uintptr_t)root->published_end - (uintptr_t)root->published;
    if (bytes % sizeof(struct ml_published) != 0 ||
        bytes / sizeof(struct ml_published) > ENTRIES_MOST)
        return -ENOTSUP;
    for (const struct ml_published *at = root->published; at < root->published_end; at++) {
        struct ml_published entry;
        int error = read_at(image, (uintptr_t)at, &entry, sizeof(entry));
        if (error == 0)
            error = take_entry(image, &entry);
        if (error != 0)
            return error;
    }
    for (int i = 0; i < VARIABLES; i++)
        if (image->addresses[i] == 0)
            return -ENOTSUP;
    return 0;
}

static int open_at(struct ml_image *image, uintptr_t address)
{
    struct memlog_root root;
    uint64_t shape;
    int error = read_at(image, address, &root, sizeof(root));
    if (error != 0)
        return error;
    if (memcmp(root.magic, ML_ROOT_MAGIC, sizeof(root.magic)) != 0 ||
        root.version != ML_ROOT_VERSION || root.bytes != sizeof(root) ||
        root.layout != ML_ROOT_LAYOUT)
        return -ENOTSUP;
    error = find_variables(image, &root);
    if (error == 0)
        error = read_variable(image, BUCKET_SHAPE, &shape);
    return error != 0 ? error : shape == ML_BUCKET_SHAPE ? 0 : -ENOTSUP;
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
    enum { GROUPS_MOST = 1 << 16 }; /* four million threads: then it is no list */
    struct ml_thread_group **link = &blocks->first;
    uintptr_t next;
    int error = read_variable(image, GROUPS, &next);
    for (size_t n = 0; error == 0 && next != 0; n++) {
        struct group *copy = n < GROUPS_MOST ? room_for(blocks, n) : NULL;
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

/* A variable that changes while its sequence number is odd. */
static int read_whole(struct ml_image *image, enum variable sequence, uintptr_t address, void *to,
                      size_t bytes)
{
    enum { PATIENCE = 1000 };
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
        sched_yield();
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

bool ml_image_is_torn(const struct ml_image *image) { return image->torn; }

int ml_image_profile(struct ml_image *image, struct ml_image_profile *profile)
{
    int error = read_variable(image, SAMPLE_RATE, &profile->rate);
    return error != 0 ? error : read_variable(image, NEWEST_BUCKET, &profile->newest_bucket);
}

int ml_image_copy(struct ml_image *image, uintptr_t address, void *to, size_t bytes)
{
    return read_at(image, address, to, bytes);
}
