/* SPDX-License-Identifier: MIT */
#include "heap/span.h"

#include <string.h>

#include "base/publish.h"
#include "heap/spanmap.h"

uint32_t ml_marks_completed;
bool ml_marked_along;
ML_PUBLISH("span.marks_completed", ml_marks_completed);
ML_PUBLISH("span.marked_along", ml_marked_along);
ML_PUBLISH_STRUCT(ml_span);
ML_PUBLISH_MEMBER(ml_span, base);
ML_PUBLISH_MEMBER(ml_span, pages);
ML_PUBLISH_MEMBER(ml_span, slot_bytes);
ML_PUBLISH_MEMBER(ml_span, next);
ML_PUBLISH_MEMBER(ml_span, prev);
ML_PUBLISH_MEMBER(ml_span, slots);
ML_PUBLISH_MEMBER(ml_span, free_slots);
ML_PUBLISH_MEMBER(ml_span, use);
ML_PUBLISH_MEMBER(ml_span, place);
ML_PUBLISH_MEMBER(ml_span, bin);
ML_PUBLISH_MEMBER(ml_span, kind);
ML_PUBLISH_MEMBER(ml_span, swept_at);
ML_PUBLISH_MEMBER(ml_span, type);
ML_PUBLISH_MEMBER(ml_span, shard);
ML_PUBLISH_MEMBER(ml_span, bits);
ML_PUBLISH_STRUCT(ml_span_bits);
ML_PUBLISH_MEMBER(ml_span_bits, taken);
ML_PUBLISH_MEMBER(ml_span_bits, mark);
ML_PUBLISH_STRUCT(ml_span_list);
ML_PUBLISH_MEMBER(ml_span_list, first);
ML_PUBLISH_MEMBER(ml_span_list, last);
ML_PUBLISH_MEMBER(ml_span_list, count);
ML_PUBLISH_NUMBER(span_free, ML_SPAN_FREE);
ML_PUBLISH_NUMBER(span_releasing, ML_SPAN_RELEASING);
ML_PUBLISH_NUMBER(span_small, ML_SPAN_SMALL);
ML_PUBLISH_NUMBER(span_large, ML_SPAN_LARGE);
ML_PUBLISH_NUMBER(place_free, ML_PLACE_FREE);
ML_PUBLISH_NUMBER(place_partial, ML_PLACE_PARTIAL);
ML_PUBLISH_NUMBER(place_full, ML_PLACE_FULL);
ML_PUBLISH_NUMBER(place_empty, ML_PLACE_EMPTY);
ML_PUBLISH_NUMBER(place_large, ML_PLACE_LARGE);

void ml_span_list_append(struct ml_span_list *list, struct ml_span *span, enum ml_span_place place)
{
    uint32_t number = ml_span_number(span);
    span->place = (uint8_t)place;
    span->next = 0;
    span->prev = list->last;
    if (list->last != 0)
        ml_span_at(list->last)->next = number;
    else
        list->first = number;
    list->last = number;
    list->count++;
}

void ml_span_list_prepend(struct ml_span_list *list, struct ml_span *span, enum ml_span_place place)
{
    uint32_t number = ml_span_number(span);
    span->place = (uint8_t)place;
    span->prev = 0;
    span->next = list->first;
    if (list->first != 0)
        ml_span_at(list->first)->prev = number;
    else
        list->last = number;
    list->first = number;
    list->count++;
}

void ml_span_list_remove(struct ml_span_list *list, struct ml_span *span)
{
    if (span->prev != 0)
        ml_span_at(span->prev)->next = span->next;
    else
        list->first = span->next;
    if (span->next != 0)
        ml_span_at(span->next)->prev = span->prev;
    else
        list->last = span->prev;
    span->next = span->prev = 0;
    span->place = ML_PLACE_NONE;
    list->count--;
}

void ml_span_list_move_all(struct ml_span_list *to, struct ml_span_list *from)
{
    if (from->first == 0)
        return;
    ml_span_at(from->first)->prev = to->last;
    if (to->last != 0)
        ml_span_at(to->last)->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->count += from->count;
    *from = (struct ml_span_list){ 0 };
}

void ml_span_make_small(struct ml_span *span, unsigned bin)
{
    const struct ml_sizeclass *class = &ml_sizeclasses[ml_bin_class(bin)];
    span->slot_bytes = class->bytes;
    span->reciprocal = class->reciprocal;
    span->slots = span->free_slots = class->slots;
    span->bin = (uint8_t)bin;
    span->kind = (uint8_t)ml_bin_kind(bin);
    span->swept_at = ml_marks_completed;
    memset(span->bits, 0, sizeof(span->bits));
}

/* The bits of word `word` that stand for slots. */
static uint64_t valid_bits(const struct ml_span *span, unsigned word)
{
    unsigned rest = span->slots - word * 64;
    return rest >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << rest) - 1;
}

unsigned ml_span_take(struct ml_span *span, void **into, unsigned want)
{
    unsigned got = 0;
    for (unsigned word = 0; word < ml_span_words(span) && got < want; word++) {
        uint64_t free_bits = ~span->bits[word].taken & valid_bits(span, word);
        uint64_t taking = 0;
        while (free_bits != 0 && got < want) {
            unsigned bit = ml_ctz64(free_bits);
            taking |= free_bits & -free_bits;
            free_bits &= free_bits - 1;
            into[want - 1 - got++] = (void *)ml_span_slot_address(span, word * 64 + bit);
        }
        span->bits[word].taken |= taking;
    }
    span->free_slots = (uint16_t)(span->free_slots - got);
    return got;
}

/* Empty spans are not swept: what was marked there and freed is forgotten when
 * they are used again. */
static bool may_have_old_marks(const struct ml_span *span, bool marked_along)
{
    return marked_along || span->place == ML_PLACE_EMPTY;
}

const char *ml_span_check(const struct ml_span *span, bool marked_along)
{
    if (span->use != ML_SPAN_SMALL && span->use != ML_SPAN_LARGE)
        return "span is in use";
    unsigned taken = 0;
    for (unsigned word = 0; word < ml_span_words(span); word++) {
        if (span->bits[word].taken & ~valid_bits(span, word))
            return "taken bits stand for slots";
        if (!may_have_old_marks(span, marked_along) &&
            (ml_span_marks(&span->bits[word]) & ~span->bits[word].taken))
            return "marked slots are taken";
        taken += ml_popcount64(span->bits[word].taken);
    }
    if (taken + span->free_slots != span->slots)
        return "free_slots + taken == slots";
    return NULL;
}
