/* SPDX-License-Identifier: MIT */
/* gc_types.h - for tests of objects with a type: types by chance, of which the
 * test knows which words may hold pointers. */
#ifndef MEMLOG_TESTS_GC_TYPES_H
#define MEMLOG_TESTS_GC_TYPES_H

#include "gc/type.h"
#include "gc_objects.h"

enum { PATTERN_WORDS_MOST = 1024 };

struct pattern {
    const struct memlog_type *type;
    size_t words;
    bool points[PATTERN_WORDS_MOST];
};

static inline uint64_t chance(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % below;
}

/* Of so many words, at least two: one in `rare` may hold a pointer, and the last is
 * never, the first always one. */
static __attribute__((unused)) void make_pattern(struct pattern *pattern, size_t words,
                                                 unsigned rare, uint64_t *state)
{
    uint64_t bitmap[PATTERN_WORDS_MOST / 64] = { 0 };
    pattern->words = words;
    for (size_t i = 0; i < words; i++) {
        pattern->points[i] = i == 0 || (i + 1 < words && chance(state, rare) == 0);
        bitmap[i / 64] |= (uint64_t)pattern->points[i] << i % 64;
    }
    pattern->type = ml_type_new(words * 8, bitmap, (words + 63) / 64);
    ck_assert_ptr_nonnull(pattern->type);
    ck_assert_uint_eq(pattern->type->kind, ML_TYPED);
}

static inline bool points(const struct pattern *pattern, size_t word)
{
    return pattern->points[word % pattern->words];
}

/* A word of an array of so many that may hold a pointer, or one that may not. */
static __attribute__((unused)) size_t some_word(const struct pattern *pattern, size_t words,
                                                bool that_points, uint64_t *state)
{
    size_t word;
    do
        word = chance(state, words);
    while (points(pattern, word) != that_points);
    return word;
}

#endif
