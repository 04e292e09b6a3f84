/* SPDX-License-Identifier: MIT */
#include "heap/sizeclass.h"

#include "base/publish.h"

struct ml_sizeclass ml_sizeclasses[ML_CLASSES];
ML_PUBLISH("sizeclass.classes", ml_sizeclasses);
ML_PUBLISH_STRUCT(ml_sizeclass);
ML_PUBLISH_MEMBER(ml_sizeclass, bytes);
ML_PUBLISH_MEMBER(ml_sizeclass, slots);
ML_PUBLISH_MEMBER(ml_sizeclass, pages);
ML_PUBLISH_NUMBER(page_shift, ML_PAGE_SHIFT);
ML_PUBLISH_NUMBER(granule_shift, ML_GRANULE_SHIFT);
ML_PUBLISH_NUMBER(classes, ML_CLASSES);
ML_PUBLISH_NUMBER(bins, ML_BINS);
ML_PUBLISH_NUMBER(scan, ML_SCAN);
ML_PUBLISH_NUMBER(noscan, ML_NOSCAN);
ML_PUBLISH_NUMBER(uncollectable, ML_UNCOLLECTABLE);
ML_PUBLISH_NUMBER(typed, ML_TYPED);
ML_PUBLISH_NUMBER(kinds, ML_KINDS);
uint8_t ml_class_by_16[ML_SMALL_MAX / ML_GRANULE_BYTES + 1];

/* The step from the class of `bytes` to the next one. */
static uint32_t step_after(uint32_t bytes)
{
    if (bytes < 256)
        return 16;
    if (bytes < 2048)
        return 1u << (ml_log2(bytes) - 3); /* eight to a doubling */
    return 1u << (ml_log2(bytes) - 2);     /* four to a doubling */
}

/* The pages of a span: few, since a span is free again only when all its
 * slots are; enough that the tail that no slot fits in is small. */
static uint8_t span_pages(uint32_t bytes)
{
    enum { PAGES_MAX = 8, SLOTS_WANTED = 8 };
    uint32_t least = (bytes * SLOTS_WANTED + ML_PAGE_BYTES - 1) / ML_PAGE_BYTES;
    if (least > PAGES_MAX)
        least = (bytes + ML_PAGE_BYTES - 1) / ML_PAGE_BYTES;
    uint32_t best = least;
    uint64_t best_waste = UINT64_MAX; /* tail bytes in 1/65536 of the span */
    for (uint32_t pages = least; pages <= PAGES_MAX; pages++) {
        uint64_t span = (uint64_t)pages * ML_PAGE_BYTES;
        uint64_t waste = (span % bytes << 16) / span;
        if (waste < best_waste) {
            best = pages;
            best_waste = waste;
        }
        if (waste <= (1 << 16) / 32)
            break;
    }
    return (uint8_t)best;
}

void ml_sizeclass_init(void)
{
    uint32_t bytes = 16;
    unsigned granules = 0;
    for (unsigned class = 0; class < ML_CLASSES; class++) {
        struct ml_sizeclass *c = &ml_sizeclasses[class];
        c->bytes = bytes;
        c->reciprocal = (uint32_t)((((uint64_t)1 << 32) + bytes - 1) / bytes);
        c->pages = span_pages(bytes);
        c->slots = (uint16_t)((uint32_t)c->pages * ML_PAGE_BYTES / bytes);
        for (; granules * ML_GRANULE_BYTES <= bytes; granules++)
            ml_class_by_16[granules] = (uint8_t)class;
        bytes += step_after(bytes);
    }
}
