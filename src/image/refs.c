/* SPDX-License-Identifier: MIT */
#include "image/refs.h"

#include <errno.h>
#include <stdlib.h>

#include "image/viewtypes.h"

enum { CHUNK = 128 << 10 }; /* stays in the CPU's cache between being copied and being looked at */

struct finder {
    struct ml_ref_search *search;
    const struct ml_ref_target *targets;
    size_t count;
    uintptr_t low, high; /* of all targets, both included */
    ml_ref_visitor *visit;
    void *argument;
    uintptr_t *words;
    bool is_done;
    struct ml_ref ref; /* what is the same in all of a range */
};

/* ---- which target a word points to ------------------------------------------------------------ */

/* The last that begins at or before the address. */
static const struct ml_ref_target *last_before(const struct finder *finder, uintptr_t address)
{
    size_t low = 0, high = finder->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (finder->targets[middle].begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? NULL : &finder->targets[low - 1];
}

/* Stacks and registers may hold the address just past an object that they are working on. */
static bool counts_past_end(const struct ml_ref *ref)
{
    return ref->holder == ML_REF_REGISTER ||
           (ref->holder == ML_REF_ROOT && ref->root->kind == ML_IMAGE_STACK);
}

static const struct ml_ref_target *target_with(const struct finder *finder, uintptr_t value)
{
    const struct ml_ref_target *target = last_before(finder, value);
    return target != NULL && value < target->end ? target : NULL;
}

static const struct ml_ref_target *target_before(const struct finder *finder, uintptr_t value)
{
    const struct ml_ref_target *target =
        counts_past_end(&finder->ref) && value != 0 ? last_before(finder, value - 1) : NULL;
    return target != NULL && value == target->end ? target : NULL;
}

/* ---- one word ----------------------------------------------------------------------------------- */

/* A slot that nobody has says nothing, and a root has been looked at already. */
static bool find_holder(struct finder *finder, uintptr_t place)
{
    const struct ml_heap_view *view = finder->search->view;
    struct ml_view_object *object = &finder->ref.object;
    if (ml_root_place_at(finder->search->places, place) != NULL)
        return false;
    if (!ml_heap_view_object(view, place, object) || object->state == ML_STATE_FREE)
        return false;
    finder->ref.holder = ml_view_is_scanned(view, object, place) ? ML_REF_OBJECT : ML_REF_IGNORED;
    return finder->ref.holder == ML_REF_OBJECT || finder->search->everywhere;
}

static void report(struct finder *finder, const struct ml_ref_target *target, uintptr_t place,
                   uintptr_t value)
{
    bool is_in_heap = finder->ref.holder >= ML_REF_OBJECT && finder->ref.holder <= ML_REF_IGNORED;
    if (target == NULL || finder->is_done || (is_in_heap && !find_holder(finder, place)))
        return;
    finder->ref.place = place;
    finder->ref.value = value;
    finder->ref.target = (size_t)(target - finder->targets);
    finder->ref.within = value - target->begin;
    finder->is_done = finder->visit(&finder->ref, finder->argument);
}

/* One may end where the next begins. */
static void look(struct finder *finder, uintptr_t place, uintptr_t value)
{
    report(finder, target_with(finder, value), place, value);
    report(finder, target_before(finder, value), place, value);
}

/* ---- ranges of memory ------------------------------------------------------------------------------ */

static void look_at_words(struct finder *finder, uintptr_t begin, size_t count)
{
    uintptr_t low = finder->low, width = finder->high - low;
    for (size_t i = 0; i < count && !finder->is_done; i++)
        if (ml_unlikely(finder->words[i] - low <= width))
            look(finder, begin + i * sizeof(uintptr_t), finder->words[i]);
}

/* So many bytes on, and not around the end of all addresses. */
static uintptr_t step(uintptr_t at, size_t bytes, uintptr_t end)
{
    return end - at < bytes ? end : at + bytes;
}

/* A page that can't be read may stand beside others that can. */
static void look_at_pages(struct finder *finder, uintptr_t begin, uintptr_t end)
{
    enum { PAGE = 4096 };
    for (uintptr_t at = begin, next; at < end && !finder->is_done; at = next) {
        next = step(at, PAGE - at % PAGE, end);
        if (ml_core_read(finder->search->core, at, finder->words, next - at) == 0)
            look_at_words(finder, at, (next - at) / sizeof(uintptr_t));
        else
            finder->search->unread_bytes += next - at;
    }
}

/* A range that was overwritten may be as long as all addresses, and there is next to nothing
 * in it. */
static uintptr_t skip_hole(struct finder *finder, uintptr_t at, uintptr_t end)
{
    bool was_mapped;
    uintptr_t next = ml_min(ml_core_hole_end(finder->search->core, at, &was_mapped), end);
    if (was_mapped)
        finder->search->unread_bytes += next - at;
    return next == end ? end : ml_align_up(next, sizeof(uintptr_t));
}

static void look_at_range(struct finder *finder, uintptr_t begin, uintptr_t end)
{
    for (uintptr_t at = begin, next; at < end && !finder->is_done; at = next) {
        next = step(at, CHUNK, end);
        if (ml_core_read(finder->search->core, at, finder->words, next - at) == 0)
            look_at_words(finder, at, (next - at) / sizeof(uintptr_t));
        else if ((next = skip_hole(finder, at, end)) == at)
            look_at_pages(finder, at, next = step(at, CHUNK, end));
    }
}

/* ---- registers and roots ----------------------------------------------------------------------------- */

static void look_at_register(struct finder *finder, size_t thread, const char *name,
                             uintptr_t value)
{
    finder->ref = (struct ml_ref){ .holder = ML_REF_REGISTER, .thread = thread, .name = name };
    if (!finder->is_done && value - finder->low <= finder->high - finder->low)
        look(finder, 0, value);
}

static void look_at_plain(struct finder *finder, size_t thread)
{
    static const struct {
        const char *name;
        size_t offset;
    } registers[] = {
#define REGISTER(name) { #name, offsetof(struct user_regs_struct, name) }
        REGISTER(rax), REGISTER(rbx), REGISTER(rcx), REGISTER(rdx), REGISTER(rsi),
        REGISTER(rdi), REGISTER(rbp), REGISTER(r8),  REGISTER(r9),  REGISTER(r10),
        REGISTER(r11), REGISTER(r12), REGISTER(r13), REGISTER(r14), REGISTER(r15),
#undef REGISTER
    };
    for (size_t r = 0; r < sizeof(registers) / sizeof(registers[0]); r++) {
        const char *all = (const char *)&finder->search->core->threads[thread].registers;
        look_at_register(finder, thread, registers[r].name,
                         *(const unsigned long long *)(all + registers[r].offset));
    }
}

static void look_at_vectors(struct finder *finder, size_t thread)
{
    static const char *const names[ML_CORE_VECTORS] = {
        "ymm0", "ymm1", "ymm2",  "ymm3",  "ymm4",  "ymm5",  "ymm6",  "ymm7",
        "ymm8", "ymm9", "ymm10", "ymm11", "ymm12", "ymm13", "ymm14", "ymm15"
    };
    for (int i = 0; i < ML_CORE_VECTORS; i++)
        for (int word = 0; word < 4; word++)
            look_at_register(finder, thread, names[i],
                             finder->search->core->threads[thread].vectors[i][word]);
}

static void look_at_registers(struct finder *finder)
{
    for (size_t i = 0; i < finder->search->core->threads_count; i++)
        if (!finder->search->core->threads[i].is_ignored) {
            look_at_plain(finder, i);
            look_at_vectors(finder, i);
        }
}

static void look_at_roots(struct finder *finder)
{
    const struct ml_root_places *places = finder->search->places;
    for (size_t i = 0; i < places->count && !finder->is_done; i++)
        if (places->list[i].kind != ML_IMAGE_OWN) {
            finder->ref = (struct ml_ref){ .holder = ML_REF_ROOT, .root = &places->list[i] };
            look_at_range(finder, places->list[i].begin, places->list[i].end);
        }
}

/* ---- the heap ------------------------------------------------------------------------------------------- */

static bool is_looked_at(const struct finder *finder, const struct ml_view_span *span)
{
    return span->slots != 0 && (span->kind != ML_NOSCAN || finder->search->everywhere);
}

static uintptr_t end_of(const struct ml_view_span *span)
{
    return span->base + ((uintptr_t)span->pages << ML_PAGE_SHIFT);
}

/* Spans that lie side by side are read together. */
static void look_at_heap(struct finder *finder)
{
    const struct ml_heap_view *view = finder->search->view;
    for (size_t i = 0, next; i < view->count && !finder->is_done; i = next) {
        next = i + 1;
        if (!is_looked_at(finder, &view->spans[i]))
            continue;
        while (next < view->count && view->spans[next].base == end_of(&view->spans[next - 1]) &&
               is_looked_at(finder, &view->spans[next]))
            next++;
        finder->ref = (struct ml_ref){ .holder = ML_REF_OBJECT };
        look_at_range(finder, view->spans[i].base, end_of(&view->spans[next - 1]));
    }
}

/* ---- other memory ------------------------------------------------------------------------------------------ */

static void look_between_roots(struct finder *finder, uintptr_t begin, uintptr_t end)
{
    const struct ml_root_places *places = finder->search->places;
    for (size_t i = 0; i < places->count && !finder->is_done; i++) {
        const struct ml_root_place *place = &places->list[i];
        if (place->end <= begin || place->begin >= end)
            continue;
        look_at_range(finder, begin, ml_max(place->begin, begin));
        begin = ml_min(place->end, end);
    }
    look_at_range(finder, begin, end);
}

/* memlog's tables stand in front of the heap, in one range. */
static void look_elsewhere(struct finder *finder)
{
    const struct ml_spanmap *map = &finder->search->view->map;
    uintptr_t own = (uintptr_t)map->state, own_end = map->base + map->reserved_bytes;
    const struct ml_core *core = finder->search->core;
    finder->ref = (struct ml_ref){ .holder = ML_REF_OTHER };
    for (size_t i = 0; i < core->segments_count && !finder->is_done; i++) {
        const struct ml_core_segment *segment = &core->segments[i];
        uintptr_t begin = ml_align_up(segment->begin, sizeof(uintptr_t));
        uintptr_t end = ml_align_down(segment->begin + segment->bytes, sizeof(uintptr_t));
        bool is_own = begin < own_end && end > own;
        if (segment->is_writable && begin < end && !is_own)
            look_between_roots(finder, begin, end);
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------ */

int ml_refs_find(struct ml_ref_search *search, const struct ml_ref_target *targets, size_t count,
                 ml_ref_visitor *visit, void *argument)
{
    if (count == 0)
        return 0;
    struct finder finder = { .search = search, .targets = targets, .count = count,
                             .low = targets[0].begin, .high = targets[count - 1].end,
                             .visit = visit, .argument = argument, .words = malloc(CHUNK) };
    uint64_t unread_before = search->unread_bytes;
    if (finder.words == NULL)
        return -ENOMEM;
    search->unread_bytes = 0;
    look_at_registers(&finder);
    look_at_roots(&finder);
    if (!search->is_enough)
        look_at_heap(&finder);
    if (search->everywhere)
        look_elsewhere(&finder);
    search->unread_bytes = ml_max(search->unread_bytes, unread_before);
    free(finder.words);
    return 0;
}
