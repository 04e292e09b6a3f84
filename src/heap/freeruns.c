/* SPDX-License-Identifier: MIT */
#include "heap/freeruns.h"

#include "base/publish.h"
#include "heap/spanmap.h"

enum { EXACT = 128 }; /* lists [1..127] hold runs of just that many pages */

struct ml_span_list ml_freeruns_lists[ML_FREERUNS_LISTS];
ML_PUBLISH("freeruns.lists", ml_freeruns_lists);
static uint64_t nonempty[(ML_FREERUNS_LISTS + 63) / 64];
ML_PUBLISH("freeruns.nonempty", nonempty);
ML_PUBLISH_NUMBER(freeruns_exact, EXACT);

static unsigned list_of(uint32_t pages)
{
    return pages < EXACT ? pages : EXACT + ml_log2(pages) - 7;
}

void ml_freeruns_hang(struct ml_span *run)
{
    unsigned list = list_of(run->pages);
    run->use = ML_SPAN_FREE;
    ml_span_list_append(&ml_freeruns_lists[list], run, ML_PLACE_FREE);
    nonempty[list >> 6] |= (uint64_t)1 << (list & 63);
    ml_spanmap_set_ends(run);
}

void ml_freeruns_unhang(struct ml_span *run)
{
    unsigned list = list_of(run->pages);
    ml_span_list_remove(&ml_freeruns_lists[list], run);
    if (ml_freeruns_lists[list].first == 0)
        nonempty[list >> 6] &= ~((uint64_t)1 << (list & 63));
}

uint32_t ml_freeruns_slack(const struct ml_span *run, uint32_t align_pages)
{
    uintptr_t aligned = ml_align_up(run->base, (uint64_t)align_pages << ML_PAGE_SHIFT);
    return (uint32_t)((aligned - run->base) >> ML_PAGE_SHIFT);
}

static bool fits(const struct ml_span *run, uint32_t pages, uint32_t align_pages)
{
    return run->pages >= (uint64_t)pages + ml_freeruns_slack(run, align_pages);
}

/* The shortest of the first few runs in the list that fit. */
static struct ml_span *search_list(unsigned list, uint32_t pages, uint32_t align_pages)
{
    enum { LOOK_AT = 64 };
    struct ml_span *best = NULL;
    unsigned looked = 0;
    for (uint32_t number = ml_freeruns_lists[list].first; number != 0;) {
        struct ml_span *run = ml_span_at(number);
        if (fits(run, pages, align_pages) && (best == NULL || run->pages < best->pages))
            best = run;
        if (best != NULL && (list < EXACT || ++looked >= LOOK_AT))
            break;
        number = run->next;
    }
    return best;
}

struct ml_span *ml_freeruns_search(uint32_t pages, uint32_t align_pages)
{
    for (unsigned list = list_of(pages); list < ML_FREERUNS_LISTS; list++) {
        uint64_t rest = nonempty[list >> 6] >> (list & 63);
        if (rest == 0) {
            list |= 63;
            continue;
        }
        list += ml_ctz64(rest);
        struct ml_span *run = search_list(list, pages, align_pages);
        if (run != NULL)
            return run;
    }
    return NULL;
}

const char *ml_freeruns_check(uint64_t *hanging)
{
    for (unsigned list = 0; list < ML_FREERUNS_LISTS; list++) {
        uint32_t last = 0, count = 0;
        for (uint32_t number = ml_freeruns_lists[list].first; number != 0;
             number = ml_span_at(number)->next) {
            const struct ml_span *run = ml_span_at(number);
            if (run->prev != last)
                return "free runs' links agree in both directions";
            if (run->use != ML_SPAN_FREE || run->place != ML_PLACE_FREE)
                return "what hangs in the free lists is free";
            if (list_of(run->pages) != list)
                return "a free run hangs in the list of its length";
            last = number;
            count++;
        }
        if (ml_freeruns_lists[list].last != last || ml_freeruns_lists[list].count != count)
            return "a free list's end and count are right";
        if ((nonempty[list >> 6] >> (list & 63) & 1) != (count != 0))
            return "the lists that are not empty are known";
        *hanging += count;
    }
    return NULL;
}
