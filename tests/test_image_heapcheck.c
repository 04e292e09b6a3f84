/* SPDX-License-Identifier: MIT */
/* test_image_heapcheck.c - each rule of the heap that is broken is named, with its place: here the
 * process looks at itself, and nothing is allocated meanwhile. */
#include "image/heapcheck.h"

#include <errno.h>
#include <string.h>

#include "heap/central.h"
#include "heap/freeruns.h"
#include "heap/large.h"
#include "heap/pageheap.h"
#include "memlog.h"
#include "stats/root.h"
#include "unit.h"

enum { OBJECTS = 300, BYTES = 112, LARGE = 300000 };

static void *objects[OBJECTS], *large[2];
static struct ml_image *image;
static struct ml_heap_check check;

static int read_own(void *unused, uintptr_t address, void *to, size_t bytes)
{
    (void)unused;
    bool is_there = ml_in_heap(address) || address > (uintptr_t)4096;
    if (is_there)
        memcpy(to, (const void *)address, bytes);
    return is_there ? 0 : -EFAULT;
}

/* Several spans of one class, one of them with free slots; large objects and free runs. */
static void begin(void)
{
    const struct ml_memory memory = { read_own, NULL };
    int error;
    memlog_set_gc_percent(-1);
    for (int i = 0; i < OBJECTS; i++)
        objects[i] = memlog_malloc(BYTES);
    for (int i = 0; i < OBJECTS; i += 3)
        memlog_free(objects[i]);
    large[0] = memlog_malloc(LARGE);
    large[1] = memlog_malloc_noscan(LARGE);
    memlog_free(memlog_malloc(LARGE));
    image = ml_image_open(&memory, (uintptr_t)&memlog_root, &error);
    ck_assert_ptr_nonnull(image);
}

static void look(bool is_amid)
{
    struct ml_heap_view view;
    ck_assert_int_eq(ml_heap_view_open(&view, image), 0);
    ck_assert_int_eq(ml_heap_check(&check, &view, is_amid), 0);
    ml_heap_view_close(&view);
}

static void breaks(const char *rule)
{
    look(false);
    ck_assert_msg(check.broken != NULL && strcmp(check.broken, rule) == 0,
                  "the broken rule is \"%s\", not \"%s\"", check.broken, rule);
}

static struct ml_span *span_of(const void *object) { return ml_span_over((uintptr_t)object); }
static uint8_t *state_of(const void *object) { return &ml_map.state[ml_granule_of(object)]; }

START_TEST(a_sound_heap_breaks_no_rule)
{
    begin();
    look(false);
    ck_assert_msg(check.broken == NULL, "%s", check.broken);
    ck_assert_uint_eq(check.objects, OBJECTS - OBJECTS / 3 + 2);
}
END_TEST

START_TEST(states_tell_of_slots_that_are_taken)
{
    begin();
    struct ml_span *span = span_of(objects[1]);
    uint8_t *inside = state_of(objects[1]) + 1;
    *inside = ML_STATE_PLAIN;
    breaks("objects begin where slots do");
    ck_assert_uint_eq(check.span, ml_span_number(span));
    ck_assert_uint_eq(check.address, (uintptr_t)objects[1] + ML_GRANULE_BYTES);
    *inside = ML_STATE_FREE;
    unsigned slot = ml_span_slot_of(span, (uintptr_t)objects[1]);
    span->bits[slot / 64].taken &= ~((uint64_t)1 << slot % 64);
    span->free_slots++;
    breaks("an allocated slot is taken");
}
END_TEST

START_TEST(slots_are_free_or_taken)
{
    begin();
    span_of(objects[1])->free_slots++;
    breaks("free_slots + taken == slots");
    span_of(objects[1])->free_slots--;
    *state_of(large[0]) = ML_STATE_FREE;
    breaks("a large object is allocated");
}
END_TEST

START_TEST(descriptors_make_sense)
{
    begin();
    struct ml_span *span = span_of(objects[1]);
    span->slot_bytes += 16;
    breaks("every descriptor makes sense");
    ck_assert_uint_eq(check.span, ml_span_number(span));
    span->slot_bytes -= 16;
    span->base = 8192;
    breaks("every descriptor makes sense");
}
END_TEST

START_TEST(tables_know_the_spans_over_pages)
{
    begin();
    size_t page = ml_page_of((uintptr_t)large[0]);
    uint32_t number = ml_map.page_span[page];
    ml_map.page_span[page] = 1;
    breaks("a span's first and last page point at it");
    ml_map.page_span[page] = number;
    ml_map.page_bin[page + 1] = 3;
    breaks("every page knows the bin of the span over it");
    ck_assert_uint_eq(check.address, (uintptr_t)large[0] + ML_PAGE_BYTES);
}
END_TEST

START_TEST(every_page_is_of_a_span)
{
    begin();
    struct ml_span *span = span_of(large[0]);
    span->pages--;
    breaks("every page of the heap belongs to a span that begins where the last ended");
    span->pages++;
    span->use = ML_SPAN_UNUSED;
    breaks("every page of the heap belongs to a span that begins where the last ended");
}
END_TEST

START_TEST(lists_hold_what_they_should)
{
    begin();
    struct ml_span_list *list = &ml_large_lists[ML_SCAN];
    list->count++;
    breaks("a list's end and count are right");
    list->count--;
    struct ml_span *span = span_of(large[0]);
    span->prev = 5;
    breaks("list links agree in both directions");
    span->prev = 0;
    span->next = ml_span_number(span);
    breaks("list links agree in both directions");
    span->next = 0x7fffffff;
    breaks("a list's links lead to spans, and end");
    span->next = 0;
    span->place = ML_PLACE_FREE;
    breaks("a span knows the list it hangs in");
    span->place = ML_PLACE_LARGE;
    *list = (struct ml_span_list){ 0 };
    breaks("every span in use hangs in a list");
}
END_TEST

START_TEST(free_runs_hang_in_lists)
{
    begin();
    for (unsigned i = 0; i < ML_FREERUNS_LISTS; i++)
        ml_freeruns_lists[i] = (struct ml_span_list){ 0 };
    breaks("every free run hangs in a list");
}
END_TEST

START_TEST(magazines_hold_free_slots_of_their_bin)
{
    begin();
    struct ml_magazine *magazine =
        &ml_thread_self->magazines[ml_bin_of(ml_sizeclass_of(BYTES), ML_SCAN)];
    ck_assert(magazine->bottom < magazine->top);
    void *slot = magazine->bottom[0];
    *state_of(slot) = ML_STATE_PLAIN;
    breaks("a slot in a magazine is not allocated");
    *state_of(slot) = ML_STATE_FREE;
    magazine->bottom[0] = (char *)slot + 16;
    breaks("magazines hold addresses of slots");
    magazine->bottom[0] = slot;
    void **top = magazine->top;
    magazine->top = magazine->limit + 1;
    breaks("a magazine's top is in it");
    magazine->top = top - 1;
    breaks("a taken slot is allocated or in one magazine");
}
END_TEST

START_TEST(counters_and_figures_add_up)
{
    begin();
    struct ml_magazine *magazine =
        &ml_thread_self->magazines[ml_bin_of(ml_sizeclass_of(BYTES), ML_SCAN)];
    magazine->mallocs++;
    breaks("mallocs - frees is the number of allocated slots");
    magazine->mallocs--;
    ml_pageheap_change_inuse(8192, 0);
    breaks("inuse_bytes is the sum of the spans in use");
    ml_pageheap_change_inuse(-8192, 8192);
    breaks("released_bytes is what nothing stands behind");
    ml_pageheap_change_inuse(0, -8192);
    look(false);
    ck_assert_ptr_null(check.broken);
}
END_TEST

START_TEST(in_the_middle_of_an_update_sums_are_not_compared)
{
    begin();
    ml_pageheap_change_inuse(8192, 0);
    look(true);
    ck_assert_ptr_null(check.broken);
}
END_TEST

UNIT_MAIN("image heapcheck", a_sound_heap_breaks_no_rule, states_tell_of_slots_that_are_taken,
          slots_are_free_or_taken, descriptors_make_sense, tables_know_the_spans_over_pages,
          every_page_is_of_a_span, lists_hold_what_they_should, free_runs_hang_in_lists,
          magazines_hold_free_slots_of_their_bin, counters_and_figures_add_up,
          in_the_middle_of_an_update_sums_are_not_compared)
