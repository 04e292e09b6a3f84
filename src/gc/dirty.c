/* SPDX-License-Identifier: MIT */
#include "gc/dirty.h"

#include <stddef.h>

#include "gc/scan.h"
#include "heap/spanmap.h"
#include "os/pages.h"
#include "os/thread.h"
#include "os/written.h"

static struct ml_os_written written = ML_OS_WRITTEN_CLOSED;
static enum { UNTRIED, AVAILABLE, REFUSED } state;
static const char *why_not;
static int error_why_not;
static pid_t owner; /* of the descriptors: a child that was forked past the C library has them too */

bool ml_dirty_is_available(void)
{
    if (state == AVAILABLE && ml_os_pid() != owner)
        ml_dirty_after_fork_child();
    if (state != UNTRIED)
        return state == AVAILABLE;
    owner = ml_os_pid();
    int error = ml_os_written_open(&written, &why_not);
    if (error == 0) {
        error = ml_os_written_add(&written, ml_map.base, ml_map.base + ml_map.reserved_bytes);
        if (error != 0) {
            why_not = "tracking the heap's pages";
            ml_os_written_close(&written);
        }
    }
    error_why_not = -error;
    state = error == 0 ? AVAILABLE : REFUSED;
    return error == 0;
}

const char *ml_dirty_why_not(int *error)
{
    *error = error_why_not;
    return state == REFUSED ? why_not : NULL;
}

static uintptr_t address_of(size_t page) { return ml_map.base + (page << ML_PAGE_SHIFT); }
static uintptr_t heap_end(void) { return ml_map.base + ml_heap_bytes(); }

/* ---- what a page holds ------------------------------------------------------------ */

/* The span in use over an address, with its end, or NULL. It may be changing. */
static struct ml_span *span_in_use(uintptr_t address, uintptr_t *end)
{
    struct ml_span *span = ml_span_over(address);
    uintptr_t base = __atomic_load_n(&span->base, __ATOMIC_RELAXED);
    uintptr_t bytes = (uintptr_t)__atomic_load_n(&span->pages, __ATOMIC_RELAXED) << ML_PAGE_SHIFT;
    if (address - base >= bytes || __atomic_load_n(&span->use, __ATOMIC_RELAXED) < ML_SPAN_SMALL)
        return NULL;
    *end = ml_min(base + bytes, heap_end());
    return span;
}

static unsigned bin_of_page(size_t page)
{
    return __atomic_load_n(&ml_map.page_bin[page], __ATOMIC_RELAXED);
}

/* Whether objects on the page hold pointers, and up to which page the answer
 * is the same for certain. */
static bool holds_pointers(size_t page, size_t *until)
{
    unsigned bin = bin_of_page(page);
    *until = page + 1;
    if (bin == ML_BIN_NONE)
        return false;
    if (bin != ML_BIN_LARGE)
        return ml_bin_kind(bin) != ML_NOSCAN;
    uintptr_t end;
    struct ml_span *span = span_in_use(address_of(page), &end);
    if (span == NULL)
        return true; /* it comes or goes just now */
    *until = (end - ml_map.base) >> ML_PAGE_SHIFT;
    return __atomic_load_n(&span->kind, __ATOMIC_RELAXED) != ML_NOSCAN;
}

/* ---- arming ------------------------------------------------------------------------- */

static int arm(size_t begin, size_t end)
{
    return begin == end ? 0 : ml_os_written_arm(&written, address_of(begin), address_of(end));
}

/* Runs of pages with pointers; those a few pages apart are one: a system call costs
 * more. */
static int arm_all(void)
{
    enum { GAP = 16 };
    size_t pages = ml_heap_bytes() >> ML_PAGE_SHIFT, begin = 0, end = 0;
    int error = 0;
    for (size_t page = 0, until; page < pages && error == 0; page = until) {
        if (!holds_pointers(page, &until))
            continue;
        if (page > end + GAP) {
            error = arm(begin, end);
            begin = page;
        }
        end = until;
    }
    return error != 0 ? error : arm(begin, end);
}

ML_NOINLINE int ml_dirty_arm(void)
{
    int error = arm_all();
    if (error != 0) { /* the program has closed the descriptors, perhaps: tried anew next time */
        ml_dirty_disarm();
        ml_os_written_close(&written);
        state = UNTRIED;
    }
    return error;
}

ML_NOINLINE void ml_dirty_disarm(void)
{
    /* In parts: each holds up whoever maps memory. */
    enum { PART = 64 << 20 };
    uintptr_t end = heap_end();
    for (uintptr_t begin = ml_map.base; begin < end; begin += PART)
        (void)ml_os_written_disarm(&written, begin, ml_min(begin + PART, end));
}

/* ---- looking again -------------------------------------------------------------------- */

/* The part of a slot that lies in [begin, end). */
static void mark_part(struct ml_marker *marker, unsigned kind, uintptr_t slot, uintptr_t bytes,
                      uintptr_t begin, uintptr_t end)
{
    uintptr_t from = ml_max(slot, begin), to = ml_min(slot + bytes, end);
    if (from < to)
        ml_scan_part(marker, kind, slot, bytes, from, to);
}

/* Not in a magazine. What is handed out later is written to after that. */
static bool is_allocated(uintptr_t slot)
{
    uint64_t granule = ml_granule_of((void *)slot); /* the span may be changing */
    return granule < ml_map_granules() && ml_state_get(granule) != 0;
}

/* The slots of a span that touch [begin, end), which is inside it: those that
 * are marked; of uncollectable ones, which have no marks, all that are allocated. */
static void rescan_span(struct ml_marker *marker, struct ml_span *span, uintptr_t begin,
                        uintptr_t end)
{
    bool all = span->kind == ML_UNCOLLECTABLE;
    uintptr_t bytes = ml_span_object_bytes(span);
    unsigned last = ml_span_slot_of(span, end - 1);
    for (unsigned slot = ml_span_slot_of(span, begin); slot <= last; slot++) {
        if (slot >= span->slots || slot >= ML_SPAN_SLOTS_MAX)
            return;
        const struct ml_span_bits *bits = &span->bits[slot >> 6];
        uint64_t wanted = __atomic_load_n(&bits->taken, __ATOMIC_RELAXED);
        if (!all)
            wanted &= ml_span_marks(bits);
        wanted >>= slot & 63;
        uintptr_t address = ml_span_slot_address(span, slot);
        if (wanted == 0)
            slot |= 63; /* none up to the next word */
        else if ((wanted & 1) && (!all || is_allocated(address)))
            mark_part(marker, span->kind, address, bytes, begin, end);
    }
}

/* A page at a time, so that the stack takes no more than that; and where a span
 * ends is not to be believed while it may be on its way to somebody else: what
 * is skipped now counts as looked at. */
void ml_dirty_look_again(struct ml_marker *marker, uintptr_t begin, uintptr_t end)
{
    uintptr_t until = ml_min(ml_align_down(begin, ML_PAGE_BYTES) + ML_PAGE_BYTES, end);
    ml_scan_later(marker, until, end, ML_RANGE_AGAIN);
    size_t same;
    if (!holds_pointers(ml_page_of(begin), &same))
        return;
    uintptr_t span_end;
    struct ml_span *span = span_in_use(begin, &span_end);
    if (span != NULL && span->kind != ML_NOSCAN)
        rescan_span(marker, span, begin, until);
}

/* Of pages that were written, those with something to be looked at. */
static void look_again_later(uintptr_t begin, uintptr_t end, void *argument)
{
    struct ml_marker *marker = argument;
    size_t last = ml_page_of(end - 1) + 1;
    for (size_t page = ml_page_of(begin), until; page < last; page = until) {
        page = ml_revisit_next(page, last);
        until = ml_revisit_until(page, last);
        uintptr_t from = ml_max(address_of(page), begin), to = ml_min(address_of(until), end);
        if (from >= to)
            return;
        marker->pages_again += (to - from) / ml_os_page_bytes();
        ml_scan_later(marker, from, to, ML_RANGE_AGAIN);
    }
}

/* ---- while it stands for the last time -------------------------------------------------- */

void ml_dirty_find_written(struct ml_marker *marker, uintptr_t begin, uintptr_t end)
{
    if (ml_os_written_scan(&written, begin, end, ML_OS_WRITTEN_GET, look_again_later, marker) < 0)
        look_again_later(begin, end, marker);
}

/* In parts of a system call each: not so small that the calls count, and not so
 * large that one marker waits for another. */
void ml_dirty_rescan_stopped(struct ml_marker *marker)
{
    enum { PART = 4 << 20 };
    uintptr_t end = heap_end();
    for (uintptr_t begin = ml_map.base, until; begin < end; begin = until) {
        until = ml_min(begin + PART, end);
        if (ml_revisit_next(ml_page_of(begin), ml_page_of(until)) < ml_page_of(until))
            ml_scan_later(marker, begin, until, ML_RANGE_WRITES);
    }
}

/* ---- while the program runs ----------------------------------------------------------- */

/* Arm the next run of pages from `begin` on with something to be looked at, at most
 * so many bytes of it, and put off those that were written. Returns its end.
 *
 * Each call to the kernel has it interrupt the CPUs where the program runs, some ten
 * microseconds: better few calls that arm other pages in between, which are
 * written once the slower for it. */
static uintptr_t rearm_run(struct ml_marker *marker, uintptr_t begin, uintptr_t end, size_t most)
{
    enum { APART = 512 }; /* pages */
    size_t last = ml_page_of(end), page = ml_revisit_next(ml_page_of(begin), last), until = page;
    if (page == last)
        return end;
    for (size_t next = page; next < last && next - until <= APART &&
                             (next - page) << ML_PAGE_SHIFT < most;
         next = ml_revisit_next(until, last))
        until = ml_revisit_until(next, last);
    begin = address_of(page);
    end = ml_min(address_of(until), begin + most);
    if (ml_os_written_scan(&written, begin, end, ML_OS_WRITTEN_REARM, look_again_later, marker) < 0)
        look_again_later(begin, end, marker);
    return end;
}

uint64_t ml_dirty_rescan_some(struct ml_marker *marker, uintptr_t *at, uint64_t most)
{
    enum { RUN = 4 << 20 };
    uint64_t before = marker->pages_again;
    uintptr_t end = heap_end();
    uintptr_t begin = *at == 0 ? ml_map.base : *at;
    while (begin < end && marker->pages_again - before < most)
        begin = rearm_run(marker, begin, end, RUN);
    *at = begin < end ? begin : 0;
    return marker->pages_again - before;
}

/* All pages are armed before any is looked at. What a marker knows (how large the
 * heap is, whose slot a candidate lies in) must not be older than the arming:
 * what it takes for no object, or marks in the place of another that has gone,
 * nobody would look at again, since its page counts as looked at. */
uint64_t ml_dirty_rescan(struct ml_marker *marker)
{
    enum { RUN = 64 << 20 };
    uint64_t before = marker->pages_again;
    uintptr_t end = heap_end();
    for (uintptr_t begin = ml_map.base; begin < end;)
        begin = rearm_run(marker, begin, end, RUN);
    ml_marker_keep_up(marker);
    return marker->pages_again - before;
}

/* ---- while it stands for a moment -------------------------------------------------------- */

/* Runs of written pages that were found while the program ran. What has no room stays
 * written, and is found again. */
enum { FOUND_MOST = 1024 };
ML_NO_ROOT static struct {
    struct {
        uintptr_t begin, end;
    } runs[FOUND_MOST];
    unsigned count;
    uint64_t pages;
} found;

static void note_found(uintptr_t begin, uintptr_t end, void *unused)
{
    (void)unused;
    size_t last = ml_page_of(end - 1) + 1;
    for (size_t page = ml_page_of(begin), until; page < last; page = until) {
        page = ml_revisit_next(page, last);
        until = ml_revisit_until(page, last);
        uintptr_t from = ml_max(address_of(page), begin), to = ml_min(address_of(until), end);
        if (from >= to || found.count == FOUND_MOST)
            return;
        found.runs[found.count].begin = from;
        found.runs[found.count++].end = to;
        found.pages += (to - from) / ml_os_page_bytes();
    }
}

uint64_t ml_dirty_find(void)
{
    found.count = 0;
    found.pages = 0;
    if (ml_os_written_scan(&written, ml_map.base, heap_end(), ML_OS_WRITTEN_GET, note_found,
                           NULL) < 0)
        found.count = 0; /* the last stop meets the same error */
    return found.pages;
}

/* No CPU runs the program now, and none has to be interrupted. */
void ml_dirty_rearm_found(struct ml_marker *marker)
{
    for (unsigned i = 0; i < found.count; i++) {
        uintptr_t begin = found.runs[i].begin, end = found.runs[i].end;
        (void)ml_os_written_arm(&written, begin, end); /* what is not, is found again */
        marker->pages_again += (end - begin) / ml_os_page_bytes();
        ml_scan_later(marker, begin, end, ML_RANGE_AGAIN);
    }
    found.count = 0;
}

/* ---- all of the heap ------------------------------------------------------------------------ */

static bool may_be_uncollectable(uintptr_t page)
{
    unsigned bin = bin_of_page(ml_page_of(page));
    return bin == ML_BIN_LARGE || (bin != ML_BIN_NONE && ml_bin_kind(bin) == ML_UNCOLLECTABLE);
}

static uint64_t taken_bytes(const struct ml_span *span)
{
    uint64_t taken = 0;
    for (unsigned word = 0; word < ml_span_words(span) && word < ML_SPAN_SLOTS_MAX / 64; word++)
        taken += ml_popcount64(__atomic_load_n(&span->bits[word].taken, __ATOMIC_RELAXED));
    return taken * ml_span_object_bytes(span);
}

/* Page by page, as above: nobody looks a second time at what is not written. */
uint64_t ml_dirty_mark_uncollectable(struct ml_marker *marker)
{
    enum { DRAIN_ABOVE = 1024 }; /* words on the stack, which is never full of ranges then */
    uint64_t bytes = 0;
    uintptr_t heap = heap_end(), end;
    for (uintptr_t page = ml_map.base; page < heap; page += ML_PAGE_BYTES) {
        if (!may_be_uncollectable(page))
            continue;
        struct ml_span *span = span_in_use(page, &end);
        if (span == NULL || span->kind != ML_UNCOLLECTABLE)
            continue;
        if (page == span->base)
            bytes += taken_bytes(span);
        ml_revisit_set(ml_page_of(page), ML_REVISIT_WRITTEN);
        ml_scan_later(marker, page, page + ML_PAGE_BYTES, ML_RANGE_AGAIN);
        if (ml_markstack_depth(&marker->stack) > DRAIN_ABOVE)
            ml_mark_drain(marker);
    }
    return bytes;
}

/* By descriptors: where a span ends, the same. */
ML_NOINLINE void ml_dirty_forget_marks(void)
{
    uint32_t spans = (uint32_t)(ml_spanmap_span_bytes() / sizeof(struct ml_span));
    for (uint32_t number = 1; number < spans; number++)
        for (unsigned word = 0; word < ML_SPAN_SLOTS_MAX / 64; word++) {
            struct ml_span_bits *bits = &ml_span_at(number)->bits[word];
            if (ml_span_marks(bits) != 0)
                ml_span_unmark(bits, ~(uint64_t)0);
        }
}

void ml_dirty_after_fork_child(void)
{
    ml_os_written_close(&written);
    state = UNTRIED;
}
