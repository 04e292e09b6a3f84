/* SPDX-License-Identifier: MIT */
/* test_heap_audit.c - a healthy heap passes, and each rule that is broken on
 * purpose is named. */
#include "heap/audit.h"

#include "heap/central.h"
#include "heap/large.h"
#include "heap/threadgroup.h"
#include "heap_unit.h"

enum { BIN_64 = 3, OBJECTS = 3000 };

static void *objects[OBJECTS];
static void *big, *dead;

/* Full and partial spans of several bins, magazines, large objects, free runs. */
static void furnish(void)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        objects[i] = allocate(i % 4 == 3 ? 5000 : 64, ML_SCAN);
    for (unsigned i = 1; i < OBJECTS; i += 4) {
        ml_heap_free(objects[i]);
        objects[i] = NULL;
    }
    big = allocate(100000, ML_SCAN);
    dead = allocate(200000, ML_NOSCAN);
    allocate(80000, ML_SCAN);
    ml_heap_free(dead);
    assert_heap_is_whole();
}

static struct ml_magazine *magazine(void) { return &ml_thread_self->magazines[BIN_64]; }
static struct ml_span *span(void) { return ml_span_over((uintptr_t)objects[0]); }
static struct ml_span *large(void) { return ml_span_over((uintptr_t)big); }
static struct ml_span *free_run(void) { return ml_span_over((uintptr_t)dead); }

#define assert_names(breaking, rule)                                           \
    do {                                                                       \
        furnish();                                                             \
        breaking;                                                              \
        const char *said_ = ml_heap_audit();                                   \
        ck_assert_ptr_nonnull(said_);                                          \
        ck_assert_str_eq(said_, rule);                                         \
    } while (0)

#define BROKEN(name, breaking, rule)                                           \
    START_TEST(name) { assert_names(breaking, rule); } END_TEST

START_TEST(a_heap_that_does_not_exist_is_healthy)
{
    ck_assert_ptr_null(ml_heap_audit());
}
END_TEST

START_TEST(a_healthy_heap_passes_at_every_step)
{
    furnish();
    ml_central_begin_sweep();
    ml_large_begin_sweep();
    assert_heap_is_whole();
}
END_TEST

START_TEST(the_audit_leaves_no_lock_behind)
{
    furnish();
    ml_heap_before_fork();
    ml_heap_after_fork_parent();
    ml_heap_free(objects[0]);
    assert_heap_is_whole();
}
END_TEST

static unsigned slot_of_first(void) { return ml_span_slot_of(span(), (uintptr_t)objects[0]); }

BROKEN(a_flipped_taken_bit,
       span()->bits[slot_of_first() >> 6].taken ^= (uint64_t)1 << (slot_of_first() & 63),
       "free_slots + taken == slots")
BROKEN(a_taken_bit_flipped_and_counted,
       (span()->bits[slot_of_first() >> 6].taken ^= (uint64_t)1 << (slot_of_first() & 63),
        ml_span_list_remove(span()->free_slots ? &ml_bins[0][BIN_64].partial : &ml_bins[0][BIN_64].full,
                            span()),
        span()->free_slots++,
        ml_span_list_append(&ml_bins[0][BIN_64].partial, span(), ML_PLACE_PARTIAL)),
       "an allocated slot is taken")
BROKEN(a_cleared_state_byte, ml_state_set(ml_granule_of(objects[0]), 0),
       "a taken slot is allocated or in one magazine")
BROKEN(a_set_state_byte, ml_state_set(ml_granule_of(magazine()->top[-1]), 1),
       "a slot in a magazine is not allocated")
BROKEN(a_malloc_not_counted, magazine()->mallocs--,
       "mallocs - frees is the number of allocated slots")
BROKEN(a_free_counted_twice, magazine()->frees++,
       "mallocs - frees is the number of allocated slots")
BROKEN(a_bin_nobody_looks_at, ml_thread_self->group->used[BIN_64 / 64] = 0,
       "mallocs - frees is the number of allocated slots")
BROKEN(a_magazine_nobody_looks_at, ml_thread_self->group->users[BIN_64] = 0,
       "mallocs - frees is the number of allocated slots")
BROKEN(a_link_to_the_wrong_span, ml_span_at(ml_bins[0][BIN_64].full.last)->prev++,
       "list links agree in both directions")
BROKEN(a_list_that_ends_too_early, ml_bins[0][BIN_64].full.last--,
       "a list's end and count are right")
BROKEN(a_list_counted_wrongly, ml_bins[0][BIN_64].full.count++, "a list's end and count are right")
BROKEN(a_span_in_a_strange_place,
       ml_span_at(ml_bins[0][BIN_64].full.first)->place = ML_PLACE_PARTIAL,
       "a span knows the list it hangs in")
BROKEN(a_span_of_another_bin,
       (ml_span_at(ml_bins[0][BIN_64].full.first)->bin++,
        ml_spanmap_set_pages(ml_span_at(ml_bins[0][BIN_64].full.first), 0)),
       "a bin's lists hold its small spans")
BROKEN(a_span_of_another_shard, ml_span_at(ml_bins[0][BIN_64].full.first)->shard++,
       "a span knows the shard it hangs in")
BROKEN(pages_of_another_bin,
       ml_map.page_bin[ml_page_of(ml_span_at(ml_bins[0][BIN_64].full.first)->base)]++,
       "every page knows the bin of the span over it")
BROKEN(a_full_span_with_room, ml_span_at(ml_bins[0][BIN_64].full.first)->free_slots++,
       "full spans have no free slot")
static void hang_among_the_empty(struct ml_span *hanging)
{
    ml_span_list_append(&ml_bins[0][BIN_64].empty, hanging, ML_PLACE_EMPTY);
}
BROKEN(a_span_with_objects_among_the_empty,
       (ml_span_list_remove(&ml_bins[0][BIN_64].full, span()), hang_among_the_empty(span())),
       "empty spans have no slot taken")
BROKEN(an_empty_span_nobody_counted, hang_among_the_empty(ml_pageheap_take_small(BIN_64)),
       "the bytes of empty spans are known")
BROKEN(a_span_lost_from_its_list,
       (ml_thread_flush_all(ml_thread_self),
        ml_span_list_remove(&ml_bins[0][BIN_64].partial, span())),
       "mallocs - frees is the number of allocated slots")
BROKEN(a_marked_slot_that_is_not_taken,
       (ml_thread_flush_all(ml_thread_self),
        ml_span_at(ml_bins[0][BIN_64].partial.first)->bits[0].mark[0] = ~(uint64_t)0,
        ml_span_at(ml_bins[0][BIN_64].partial.first)->bits[0].taken &= ~(uint64_t)1,
        ml_span_at(ml_bins[0][BIN_64].partial.first)->free_slots = (uint16_t)(
            ml_span_at(ml_bins[0][BIN_64].partial.first)->free_slots + 1)),
       "marked slots are taken")
BROKEN(a_slot_lost_from_its_magazine, magazine()->top--,
       "a taken slot is allocated or in one magazine")
BROKEN(a_slot_twice_in_a_magazine,
       (magazine()->top = magazine()->bottom + 2, magazine()->top[0] = magazine()->top[-1],
        magazine()->top++),
       "a taken slot is allocated or in one magazine")
BROKEN(a_foreign_pointer_in_a_magazine, magazine()->top[-1] = &objects,
       "magazines hold addresses of slots")
BROKEN(a_slot_in_the_wrong_magazine,
       magazine()->top[-1] = ml_thread_self->magazines[ml_sizeclass_of(5000)].top[-1],
       "a magazine holds slots of its bin")
BROKEN(a_large_object_not_allocated, ml_state_set(ml_granule_of(big), 0),
       "a large object is allocated")
BROKEN(a_large_object_whose_page_does_not_know, ml_map.page_bin[ml_page_of((uintptr_t)big)] = 0,
       "every page knows the bin of the span over it")
BROKEN(a_large_object_whose_last_page_does_not_know,
       ml_map.page_bin[ml_page_of((uintptr_t)big) + large()->pages - 1] = ML_BIN_NONE,
       "every page knows the bin of the span over it")
BROKEN(a_free_page_that_says_it_is_used, ml_map.page_bin[ml_page_of(free_run()->base) + 1] = 0,
       "every page knows the bin of the span over it")
BROKEN(a_large_object_lost, ml_span_list_remove(&ml_large_lists[ML_SCAN], large()),
       "large mallocs - frees is the number of large objects")
BROKEN(a_large_list_counted_wrongly, ml_large_lists[ML_SCAN].count++,
       "a list's end and count are right")
BROKEN(a_large_list_with_a_wrong_link, ml_span_at(ml_large_lists[ML_SCAN].last)->prev = 0,
       "list links agree in both directions")
BROKEN(a_large_malloc_not_counted, ml_pageheap_begin_change()->large_mallocs--;
       ml_pageheap_end_change(), "large mallocs - frees is the number of large objects")
BROKEN(large_bytes_counted_wrongly, ml_pageheap_begin_change()->large_free_bytes += ML_PAGE_BYTES;
       ml_pageheap_end_change(), "large bytes are those of the large objects")
BROKEN(inuse_counted_wrongly, ml_pageheap_begin_change()->inuse_bytes += ML_PAGE_BYTES;
       ml_pageheap_end_change(), "inuse_bytes is the sum of the spans in use")
BROKEN(released_counted_wrongly, ml_pageheap_begin_change()->released_bytes -= ML_PAGE_BYTES;
       ml_pageheap_end_change(), "released_bytes is what nothing stands behind")
BROKEN(spans_counted_wrongly, ml_pageheap_begin_change()->spans++;
       ml_pageheap_end_change(), "every descriptor in use has pages")
BROKEN(a_backed_bit_flipped, ml_backed_set(free_run()->base, 1, false),
       "released_bytes is what nothing stands behind")
BROKEN(a_page_that_points_elsewhere, ml_map.page_span[ml_page_of((uintptr_t)big)] = 0,
       "every page of the heap belongs to a span that begins where the last ended")
BROKEN(a_last_page_that_points_elsewhere,
       ml_map.page_span[ml_page_of((uintptr_t)big) + large()->pages - 1] = 0,
       "a span's last page points at it")
BROKEN(a_run_too_long, large()->pages++, "a span's last page points at it")
BROKEN(a_free_run_said_to_be_in_use, free_run()->use = ML_SPAN_LARGE,
       "what hangs in the free lists is free")
BROKEN(a_used_run_said_to_be_free,
       (large()->use = ML_SPAN_FREE, large()->place = ML_PLACE_FREE),
       "free runs that touch are joined")
BROKEN(a_free_run_in_the_wrong_list, free_run()->pages += 1000,
       "a free run hangs in the list of its length")
BROKEN(a_free_run_with_a_wrong_link, free_run()->prev = ml_span_number(large()),
       "free runs' links agree in both directions")

UNIT_MAIN("heap audit", a_heap_that_does_not_exist_is_healthy, a_healthy_heap_passes_at_every_step,
          the_audit_leaves_no_lock_behind, a_flipped_taken_bit, a_taken_bit_flipped_and_counted,
          a_cleared_state_byte, a_set_state_byte, a_malloc_not_counted, a_free_counted_twice,
          a_bin_nobody_looks_at, a_magazine_nobody_looks_at, a_link_to_the_wrong_span, a_list_that_ends_too_early,
          a_list_counted_wrongly, a_span_in_a_strange_place, a_span_of_another_bin, a_span_of_another_shard,
          pages_of_another_bin, a_full_span_with_room, a_span_with_objects_among_the_empty,
          an_empty_span_nobody_counted, a_span_lost_from_its_list,
          a_marked_slot_that_is_not_taken, a_slot_lost_from_its_magazine,
          a_slot_twice_in_a_magazine, a_foreign_pointer_in_a_magazine,
          a_slot_in_the_wrong_magazine, a_large_object_not_allocated,
          a_large_object_whose_page_does_not_know, a_large_object_whose_last_page_does_not_know,
          a_free_page_that_says_it_is_used, a_large_object_lost,
          a_large_list_counted_wrongly, a_large_list_with_a_wrong_link,
          a_large_malloc_not_counted, large_bytes_counted_wrongly, inuse_counted_wrongly,
          released_counted_wrongly, spans_counted_wrongly, a_backed_bit_flipped,
          a_page_that_points_elsewhere, a_last_page_that_points_elsewhere, a_run_too_long,
          a_free_run_said_to_be_in_use, a_used_run_said_to_be_free, a_free_run_in_the_wrong_list,
          a_free_run_with_a_wrong_link)
