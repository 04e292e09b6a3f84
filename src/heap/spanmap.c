/* SPDX-License-Identifier: MIT */
#include "heap/spanmap.h"

#include <errno.h>
#include <string.h>

#include "base/publish.h"
#include "os/pages.h"

ML_NO_ROOT struct ml_spanmap ml_map;

/* One table of the reservation: committed from the front. */
struct part {
    uintptr_t base;
    size_t reserved;
    size_t committed;
};

ML_NO_ROOT static struct part state, page_bin, page_span, backed, revisit, spans, heap;

/* Bytes committed for tables, and for descriptors. */
static uint64_t table_bytes, span_bytes;
ML_PUBLISH("spanmap.table_bytes", table_bytes);
ML_PUBLISH("spanmap.span_bytes", span_bytes);
ML_PUBLISH("spanmap.map", ml_map);
ML_PUBLISH_STRUCT(ml_spanmap);
ML_PUBLISH_MEMBER(ml_spanmap, base);
ML_PUBLISH_MEMBER(ml_spanmap, granules);
ML_PUBLISH_MEMBER(ml_spanmap, state);
ML_PUBLISH_MEMBER(ml_spanmap, page_bin);
ML_PUBLISH_MEMBER(ml_spanmap, page_span);
ML_PUBLISH_MEMBER(ml_spanmap, spans);
ML_PUBLISH_MEMBER(ml_spanmap, backed);
ML_PUBLISH_MEMBER(ml_spanmap, reserved_bytes);
ML_PUBLISH_NUMBER(state_kind, ML_STATE_KIND);
ML_PUBLISH_NUMBER(state_watched, ML_STATE_WATCHED);
ML_PUBLISH_NUMBER(state_weak, ML_STATE_WEAK);
ML_PUBLISH_NUMBER(state_sampled, ML_STATE_SAMPLED);
ML_PUBLISH_NUMBER(bin_large, ML_BIN_LARGE);
ML_PUBLISH_NUMBER(bin_none, ML_BIN_NONE);

enum { HEAP_ALIGNMENT = 1 << 16 };

/* Tables of a large heap are looked at in no order, a page-table walk each
 * time: beyond this size they are made of huge pages where the kernel allows. */
enum { HUGE_ABOVE = 4 << 20 };

/* Lay the parts out for a heap of so many bytes; returns what they need. */
static size_t lay_out(uintptr_t at, size_t heap_bytes)
{
    size_t pages = heap_bytes >> ML_PAGE_SHIFT;
    /* Where addresses are scarce no heap gets large. */
    bool is_scarce = heap_bytes < (size_t)1 << 32;
    size_t alignment = is_scarce ? (size_t)HEAP_ALIGNMENT : (size_t)ML_OS_HUGE_PAGE_BYTES;
    struct {
        struct part *part;
        size_t bytes;
    } parts[] = {
        { &state, heap_bytes >> ML_GRANULE_SHIFT },
        { &page_bin, pages },
        { &page_span, pages * sizeof(uint32_t) },
        { &backed, pages / 8 + 8 },
        { &revisit, pages },
        { &spans, (pages + 2) * sizeof(struct ml_span) },
        { &heap, heap_bytes },
    };
    uintptr_t begin = at;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t bytes = ml_align_up(parts[i].bytes, alignment);
        *parts[i].part = (struct part){ .base = at, .reserved = bytes };
        at += bytes;
    }
    return at - begin;
}

/* Commit the part's first `need` bytes. */
static int commit_to(struct part *part, size_t need)
{
    enum { STEP = 1 << 14 }; /* tables grow by small steps: they count in Sys */
    if (need <= part->committed)
        return 0;
    size_t step = need <= HUGE_ABOVE ? (size_t)STEP : (size_t)ML_OS_HUGE_PAGE_BYTES;
    size_t until = ml_min(ml_align_up(need, step), part->reserved);
    if (until < need)
        return -ENOMEM;
    if (part->committed <= HUGE_ABOVE && until > HUGE_ABOVE)
        ml_os_prefer_huge_pages((void *)(part->base + HUGE_ABOVE), part->reserved - HUGE_ABOVE);
    void *at = (void *)(part->base + part->committed);
    int error = part == &revisit ? ml_os_commit_scratch(at, until - part->committed)
                                 : ml_os_commit(at, until - part->committed);
    if (error != 0)
        return error;
    uint64_t *sum = part == &spans ? &span_bytes : &table_bytes;
    __atomic_store_n(sum, *sum + (until - part->committed), __ATOMIC_RELAXED);
    part->committed = until;
    return 0;
}

int ml_spanmap_init(void)
{
    const size_t WANTED = (size_t)1 << 40, LEAST = (size_t)1 << 22;
    size_t left = ml_os_address_space_left();
    for (size_t bytes = WANTED; bytes >= LEAST; bytes -= bytes / 4) {
        bytes = ml_align_down(bytes, HEAP_ALIGNMENT);
        size_t total = lay_out(0, bytes);
        /* Under a limit on address space a quarter stays free for the
         * program's stacks and libraries. */
        if (left != SIZE_MAX && total > left - left / 4)
            continue;
        void *range = ml_os_reserve(total);
        if (range == NULL)
            continue;
        lay_out((uintptr_t)range, bytes);
        ml_map.state = (uint8_t *)state.base;
        ml_map.page_bin = (uint8_t *)page_bin.base;
        ml_map.page_span = (uint32_t *)page_span.base;
        ml_map.backed = (uint64_t *)backed.base;
        ml_map.revisit = (uint8_t *)revisit.base;
        ml_map.spans = (struct ml_span *)spans.base;
        ml_map.state_from_0 = state.base - (heap.base >> ML_GRANULE_SHIFT);
        ml_map.reserved_bytes = bytes;
        /* Number 0, which is nobody's, and the first. */
        if (ml_spanmap_need_spans(2) != 0) {
            ml_os_unmap(range, total);
            return -ENOMEM;
        }
        /* Last: who sees the base goes on without a lock. */
        __atomic_store_n(&ml_map.base, heap.base, __ATOMIC_RELEASE);
        return 0;
    }
    return -ENOMEM;
}

int ml_spanmap_need_spans(uint32_t number)
{
    return commit_to(&spans, (size_t)number * sizeof(struct ml_span));
}

static int grow_to(size_t bytes)
{
    size_t pages = bytes >> ML_PAGE_SHIFT;
    if (bytes > heap.reserved)
        return -ENOMEM;
    int error = commit_to(&state, bytes >> ML_GRANULE_SHIFT);
    if (error == 0)
        error = commit_to(&page_bin, pages);
    if (error == 0)
        error = commit_to(&page_span, pages * sizeof(uint32_t));
    if (error == 0)
        error = commit_to(&backed, ml_align_up(pages, 64) / 8);
    if (error == 0)
        error = commit_to(&revisit, pages);
    if (error == 0)
        error = ml_os_commit((void *)(heap.base + heap.committed), bytes - heap.committed);
    return error;
}

size_t ml_spanmap_grow(size_t bytes, size_t wanted)
{
    size_t old = heap.committed;
    size_t room = heap.reserved - old;
    wanted = ml_min(wanted, room);
    while (wanted >= bytes && wanted > 0) {
        if (grow_to(old + wanted) == 0) {
            heap.committed = old + wanted;
            memset(&ml_map.page_bin[old >> ML_PAGE_SHIFT], ML_BIN_NONE, wanted >> ML_PAGE_SHIFT);
            __atomic_store_n(&ml_map.granules, heap.committed >> ML_GRANULE_SHIFT,
                             __ATOMIC_RELEASE);
            return wanted;
        }
        if (wanted == bytes)
            break;
        wanted = ml_max(bytes, ml_align_down(wanted / 2, ML_PAGE_BYTES));
    }
    return 0;
}

uint64_t ml_spanmap_table_bytes(void) { return __atomic_load_n(&table_bytes, __ATOMIC_RELAXED); }
uint64_t ml_spanmap_span_bytes(void) { return __atomic_load_n(&span_bytes, __ATOMIC_RELAXED); }

void ml_spanmap_set_pages(const struct ml_span *span, uint32_t from)
{
    size_t page = ml_page_of(span->base);
    uint32_t number = ml_span_number(span);
    for (uint32_t i = from; i < span->pages; i++)
        __atomic_store_n(&ml_map.page_span[page + i], number, __ATOMIC_RELAXED);
    memset(&ml_map.page_bin[page + from], span->use == ML_SPAN_SMALL ? span->bin : ML_BIN_LARGE,
           span->pages - from);
}

void ml_spanmap_clear_pages(const struct ml_span *span)
{
    memset(&ml_map.page_bin[ml_page_of(span->base)], ML_BIN_NONE, span->pages);
}

void ml_spanmap_set_ends(const struct ml_span *span)
{
    size_t page = ml_page_of(span->base);
    uint32_t number = ml_span_number(span);
    __atomic_store_n(&ml_map.page_span[page], number, __ATOMIC_RELAXED);
    __atomic_store_n(&ml_map.page_span[page + span->pages - 1], number, __ATOMIC_RELAXED);
}

void ml_revisit_set_range(uintptr_t begin, uintptr_t end, enum ml_revisit value)
{
    for (size_t page = ml_page_of(begin); page <= ml_page_of(end - 1); page++)
        ml_revisit_set(page, value);
}

static bool is_revisited(size_t page)
{
    return __atomic_load_n(&ml_map.revisit[page], __ATOMIC_RELAXED) == ML_REVISIT_WRITTEN;
}

static uint64_t revisit_word(size_t page)
{
    return __atomic_load_n((const uint64_t *)&ml_map.revisit[page], __ATOMIC_RELAXED);
}

/* Eight at a time where they lie so. */
size_t ml_revisit_next(size_t page, size_t end)
{
    while (page < end)
        if (page % 8 == 0 && end - page >= 8 && revisit_word(page) == 0)
            page += 8;
        else if (is_revisited(page))
            return page;
        else
            page++;
    return end;
}

size_t ml_revisit_until(size_t page, size_t end)
{
    while (page < end && is_revisited(page))
        page++;
    return page;
}

void ml_revisit_clear(void)
{
    memset(ml_map.revisit, ML_REVISIT_NONE, ml_heap_bytes() >> ML_PAGE_SHIFT);
}

/* The bits, in the word that holds page, that stand for pages of [page, end). */
static uint64_t bits_from(size_t page, size_t end)
{
    uint64_t mask = ~(uint64_t)0 << (page & 63);
    size_t word_end = (page & ~(size_t)63) + 64;
    return end >= word_end ? mask : mask & (((uint64_t)1 << (end & 63)) - 1);
}

static size_t next_word(size_t page) { return (page & ~(size_t)63) + 64; }

uint32_t ml_backed_count(uintptr_t base, uint32_t pages)
{
    uint32_t count = 0;
    size_t end = ml_page_of(base) + pages;
    for (size_t page = ml_page_of(base); page < end; page = next_word(page))
        count += ml_popcount64(ml_map.backed[page >> 6] & bits_from(page, end));
    return count;
}

void ml_backed_set(uintptr_t base, uint32_t pages, bool is_backed)
{
    size_t end = ml_page_of(base) + pages;
    for (size_t page = ml_page_of(base); page < end; page = next_word(page)) {
        if (is_backed)
            ml_map.backed[page >> 6] |= bits_from(page, end);
        else
            ml_map.backed[page >> 6] &= ~bits_from(page, end);
    }
}
