/* SPDX-License-Identifier: MIT */
#include "image/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "image/buildid.h"
#include "os/clock.h"
#include "os/living.h"
#include "os/pages.h"

/* More than MEMLOG_PROFILE_BYTES of some GiB has room for, and more mappings than the system
 * allows by itself: then it is no list. */
enum { BUCKETS_MOST = 1 << 23, MAPPINGS_MOST = 1 << 16 };

/* Pages that are known to be there, since a bucket's head is in them; copied twice, one
 * after the other. Frees are taken out of the first and allocations out of the
 * second: no bucket has more of the former. */
struct window {
    uintptr_t begin, end;
    char *first, *second;
};

struct taking {
    struct ml_snapshot *snapshot;
    struct ml_image *image;
    pid_t pid;
    struct window window;
    size_t buckets_room, pcs_count, pcs_room, mappings_room;
    /* The mapping that an object's file begins with. */
    char *object;
    uintptr_t object_begin;
    int error;
};

/* Room for `count` elements of so many bytes: false, and nothing changed, without memory.
 * *room: how many there is for. */
static bool need(void *array, size_t *room, size_t count, size_t bytes)
{
    enum { FIRST = 1024 };
    void *now, *larger;
    if (count <= *room)
        return true;
    memcpy(&now, array, sizeof(now));
    size_t wanted = ml_max(count, ml_max(*room * 2, FIRST));
    larger = realloc(now, wanted * bytes);
    if (larger == NULL)
        return false;
    memcpy(array, &larger, sizeof(larger));
    *room = wanted;
    return true;
}

static int copy(struct taking *taking, uintptr_t address, void *to, size_t bytes)
{
    const struct ml_memory *memory = ml_image_memory(taking->image);
    return memory->read(memory->context, address, to, bytes);
}

/* ---- buckets ---------------------------------------------------------------------------- */

static const size_t HEAD = offsetof(struct ml_bucket, pcs);

static int move_window(struct taking *taking, uintptr_t address)
{
    struct window *window = &taking->window;
    size_t page = ml_os_page_bytes();
    window->begin = ml_align_down(address, page);
    window->end = ml_align_up(address + HEAD, page);
    size_t bytes = window->end - window->begin; /* two pages at most */
    int error = copy(taking, window->begin, window->first, bytes);
    if (error == 0)
        error = copy(taking, window->begin, window->second, bytes);
    if (error != 0)
        window->begin = window->end = 0;
    return error;
}

static bool is_in(const struct window *window, uintptr_t address, size_t bytes)
{
    return address >= window->begin && address < window->end && bytes <= window->end - address;
}

static struct ml_bucket_counts counts_of(const struct ml_bucket *first,
                                         const struct ml_bucket *second)
{
    struct ml_bucket_counts counts = second->counts;
    counts.frees = ml_min(first->counts.frees, counts.allocs);
    counts.free_bytes = ml_min(first->counts.free_bytes, counts.alloc_bytes);
    return counts;
}

static int copy_pcs(struct taking *taking, uintptr_t address, uintptr_t *to, size_t bytes)
{
    const struct window *window = &taking->window;
    if (!is_in(window, address, bytes))
        return copy(taking, address, to, bytes);
    memcpy(to, window->first + (address - window->begin), bytes);
    return 0;
}

/* The next one's address goes to *next. */
static int take_bucket(struct taking *taking, uintptr_t address, uintptr_t *next)
{
    struct ml_snapshot *snapshot = taking->snapshot;
    struct ml_bucket first, second;
    if (address % _Alignof(struct ml_bucket) != 0 || address > UINTPTR_MAX - 2 * HEAD)
        return -EFAULT;
    int error = is_in(&taking->window, address, HEAD) ? 0 : move_window(taking, address);
    if (error != 0)
        return error;
    memcpy(&first, taking->window.first + (address - taking->window.begin), HEAD);
    memcpy(&second, taking->window.second + (address - taking->window.begin), HEAD);
    if (first.depth == 0 || first.depth > ML_STACK_MOST)
        return -EFAULT;
    if (!need(&snapshot->pcs, &taking->pcs_room, taking->pcs_count + first.depth,
              sizeof(snapshot->pcs[0])))
        return -ENOMEM;
    error = copy_pcs(taking, address + HEAD, snapshot->pcs + taking->pcs_count,
                     first.depth * sizeof(snapshot->pcs[0]));
    if (error != 0)
        return error;
    snapshot->buckets[snapshot->buckets_count++] = (struct ml_snapshot_bucket){
        .address = address, .counts = counts_of(&first, &second), .depth = first.depth
    };
    taking->pcs_count += first.depth;
    *next = (uintptr_t)first.next;
    return 0;
}

/* The list has come back, behind its last bucket, to where it was `round` buckets before:
 * what is there twice goes. */
static void forget_second_round(struct ml_snapshot *snapshot, uintptr_t back_at, size_t round)
{
    struct ml_snapshot_bucket *buckets = snapshot->buckets;
    size_t way_in = 0;
    buckets[snapshot->buckets_count].address = back_at;
    while (buckets[way_in].address != buckets[way_in + round].address)
        way_in++;
    snapshot->buckets_count = way_in + round;
}

/* Brent's way to notice a loop: what is compared with moves on at each power of two. There is
 * always room for one more bucket. */
static int take_list(struct taking *taking, uintptr_t at)
{
    struct ml_snapshot *snapshot = taking->snapshot;
    uintptr_t seen = 0;
    size_t seen_at = 0, count;
    int error = 0;
    while ((count = snapshot->buckets_count) < BUCKETS_MOST && error == 0) {
        if (!need(&snapshot->buckets, &taking->buckets_room, count + 1,
                  sizeof(snapshot->buckets[0])))
            return -ENOMEM;
        if (at == 0 || (at == seen && count != 0))
            break;
        if (count == 2 * seen_at || count == 1) {
            seen = at;
            seen_at = count;
        }
        error = take_bucket(taking, at, &at);
    }
    snapshot->torn = at != 0;
    if (error == 0 && at == seen && count > seen_at)
        forget_second_round(snapshot, at, count - seen_at);
    return error == -EFAULT ? 0 : error;
}

static void point_to_pcs(struct ml_snapshot *snapshot)
{
    const uintptr_t *pcs = snapshot->pcs;
    for (size_t i = 0; i < snapshot->buckets_count; i++) {
        snapshot->buckets[i].pcs = pcs;
        pcs += snapshot->buckets[i].depth;
    }
}

static int take_buckets(struct taking *taking)
{
    struct ml_image_profile profile;
    size_t room = 2 * ml_os_page_bytes();
    int error = ml_image_profile(taking->image, &profile);
    if (error != 0)
        return error;
    taking->snapshot->time_ns = ml_os_realtime_ns();
    taking->snapshot->rate = profile.rate;
    taking->window.first = malloc(room);
    taking->window.second = malloc(room);
    if (taking->window.first != NULL && taking->window.second != NULL)
        error = take_list(taking, profile.newest_bucket);
    else
        error = -ENOMEM;
    free(taking->window.first);
    free(taking->window.second);
    point_to_pcs(taking->snapshot);
    return error;
}

/* ---- mappings --------------------------------------------------------------------------- */

static bool is_of_object(const struct taking *taking, const struct ml_os_mapping *mapping)
{
    return taking->object != NULL && strlen(taking->object) == mapping->name_length &&
           memcmp(taking->object, mapping->name, mapping->name_length) == 0;
}

/* The mappings of an object follow one another, and the first is of the file's beginning. */
static void note_object(struct taking *taking, const struct ml_os_mapping *mapping)
{
    if (mapping->offset != 0 || !mapping->is_readable)
        return;
    free(taking->object);
    taking->object = strndup(mapping->name, mapping->name_length);
    taking->object_begin = mapping->begin;
}

static void find_build_id(struct taking *taking, const struct ml_os_mapping *from,
                          struct ml_snapshot_mapping *mapping)
{
    if (is_of_object(taking, from))
        ml_build_id_in_memory(mapping->build_id, ml_image_memory(taking->image),
                              taking->object_begin);
    if (mapping->build_id[0] == '\0' && !from->is_deleted && taking->pid != 0 && mapping->name[0] == '/')
        ml_build_id_in_file(mapping->build_id, taking->pid, mapping->name);
}

static void take_mapping(const struct ml_os_mapping *from, void *argument)
{
    struct taking *taking = argument;
    struct ml_snapshot *snapshot = taking->snapshot;
    if (from->name_length == 0 || taking->error != 0 || snapshot->mappings_count == MAPPINGS_MOST)
        return;
    note_object(taking, from);
    if (!from->is_code)
        return;
    char *name = strndup(from->name, from->name_length);
    if (name == NULL || !need(&snapshot->mappings, &taking->mappings_room,
                              snapshot->mappings_count + 1, sizeof(snapshot->mappings[0]))) {
        free(name);
        taking->error = -ENOMEM;
        return;
    }
    struct ml_snapshot_mapping *mapping = &snapshot->mappings[snapshot->mappings_count++];
    *mapping = (struct ml_snapshot_mapping){ from->begin, from->end, from->offset, name, "" };
    find_build_id(taking, from, mapping);
}

static void take_line(const char *line, size_t length, void *argument)
{
    struct ml_os_mapping mapping;
    ml_os_parse_mapping(line, length, &mapping);
    take_mapping(&mapping, argument);
}

/* After the buckets: whatever they name has been mapped by then. */
static int take_mappings(struct taking *taking)
{
    char path[ML_OS_LIVING_BYTES];
    int error = ml_os_each_mapping(ml_os_living_file(path, taking->pid, "/maps"), take_line, taking);
    free(taking->object);
    return error == -ENOENT ? -ESRCH : error != 0 ? error : taking->error;
}

int ml_snapshot_take(struct ml_snapshot *snapshot, struct ml_image *image, pid_t pid)
{
    struct taking taking = { .snapshot = snapshot, .image = image, .pid = pid };
    *snapshot = (struct ml_snapshot){ 0 };
    int error = take_buckets(&taking);
    if (error == 0)
        error = take_mappings(&taking);
    if (error != 0)
        ml_snapshot_free(snapshot);
    return error;
}

int ml_snapshot_take_dead(struct ml_snapshot *snapshot, struct ml_image *image,
                          int (*each)(void *context, ml_snapshot_mapping_taker *take, void *argument),
                          void *context)
{
    struct taking taking = { .snapshot = snapshot, .image = image };
    *snapshot = (struct ml_snapshot){ 0 };
    int error = take_buckets(&taking);
    if (error == 0)
        error = each(context, take_mapping, &taking);
    if (error == 0)
        error = taking.error;
    free(taking.object);
    if (error != 0)
        ml_snapshot_free(snapshot);
    return error;
}

const struct ml_snapshot_mapping *ml_snapshot_mapping_of(const struct ml_snapshot *snapshot,
                                                         uintptr_t address)
{
    size_t low = 0, high = snapshot->mappings_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (snapshot->mappings[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    bool in = low < snapshot->mappings_count && snapshot->mappings[low].begin <= address;
    return in ? &snapshot->mappings[low] : NULL;
}

void ml_snapshot_free(struct ml_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->mappings_count; i++)
        free(snapshot->mappings[i].name);
    free(snapshot->mappings);
    free(snapshot->buckets);
    free(snapshot->pcs);
    *snapshot = (struct ml_snapshot){ 0 };
}
