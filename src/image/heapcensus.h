/* SPDX-License-Identifier: MIT */
/* heapcensus.h - what the parts of heapcheck.h find out for one another. */
#ifndef ML_IMAGE_HEAPCENSUS_H
#define ML_IMAGE_HEAPCENSUS_H

#include "heap/pagefigures.h"
#include "image/heapcheck.h"

struct ml_census {
    struct ml_heap_check *check;
    const struct ml_heap_view *view;
    int error; /* of reading; then nothing more is looked at */
    bool marked_along;
    uint32_t marks_completed;
    struct ml_pageheap_figures figures;
    uint64_t taken[ML_BINS], allocated[ML_BINS], held[ML_BINS];
    uint64_t large_objects, large_bytes, empty_bytes;
    uint64_t inuse_bytes, idle_bytes, unbacked_bytes, spans, free_runs;
    struct ml_span_links { /* of each descriptor, by number */
        uint32_t next, prev, swept_at;
        uint16_t slots, free_slots;
        uint8_t use, place, bin, kind, shard;
    } *links;
};

/* Notes the rule, unless one was noted before. False, for the caller to return. */
bool ml_census_break(struct ml_census *census, const char *rule, uint32_t span, uintptr_t address);
/* False when reading fails, which is noted. */
bool ml_census_read(struct ml_census *census, uintptr_t address, void *to, size_t bytes);
bool ml_census_variable(struct ml_census *census, const char *name, void *to, size_t bytes);

/* True: nothing is broken, and all could be read. */
bool ml_census_of_pages(struct ml_census *census); /* spans and the tables over their pages */
bool ml_census_of_slots(struct ml_census *census); /* taken and allocated */
bool ml_census_of_lists(struct ml_census *census); /* where spans hang */
bool ml_census_of_threads(struct ml_census *census); /* magazines */

#endif
