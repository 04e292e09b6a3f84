/* SPDX-License-Identifier: MIT */
/* seenroots.h - the roots' candidates of a cycle's first stop, so that its last
 * one need not look at all of them again.
 *
 * Most roots do not change while a mark lasts. What the first stop found was
 * followed meanwhile, so where the last one finds the same it goes on: a
 * comparison with the next of a list, instead of two missed cache lines an
 * object. Words that have changed, come or gone are looked for a few places
 * ahead.
 *
 * The same word need not be the same object: one is freed, the next one gets
 * its address, and a root that nobody has cleared meanwhile says the same. So of
 * the words that were seen those stay in the list at whose address an object was
 * marked, and they count as long as that page has not been handed out anew
 * (heap/renewed.h).
 *
 * Kept and read in the same order, each time from the beginning. Not for stacks,
 * which change.
 */
#ifndef ML_GC_SEENROOTS_H
#define ML_GC_SEENROOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/renewed.h"

enum { ML_SEEN_ROOTS_MOST = 1 << 20, ML_SEEN_AHEAD = 8 };

struct ml_seen_roots {
    uintptr_t *words; /* candidates as they were pushed; 0: does not count */
    size_t count, at;
};

/* Keep a copy of the candidates, or of none when there is no memory. The calling
 * thread is not inside the heap. */
void ml_seen_keep(struct ml_seen_roots *seen, const uintptr_t *words, size_t count);

/* What was kept has been followed: only those that lead to a marked object stay. */
void ml_seen_confirm(struct ml_seen_roots *seen);

static inline void ml_seen_rewind(struct ml_seen_roots *seen) { seen->at = 0; }

/* Is it the next of those that were seen, or one of the next few? */
static inline bool ml_seen_before(struct ml_seen_roots *seen, uintptr_t candidate)
{
    size_t end = seen->at + ML_SEEN_AHEAD;
    if (end > seen->count)
        end = seen->count;
    for (size_t at = seen->at; at < end; at++)
        if (seen->words[at] == candidate) {
            seen->at = at + 1;
            return !ml_is_renewed(candidate);
        }
    return false;
}

#endif
