/* SPDX-License-Identifier: MIT */
/* reduce.h - curves of any length, reduced to what a picture can show: of each slice of time the
 * samples that are first, last, and the lowest and the highest of each curve, as they were, in
 * their order. No spike is lost.
 *
 * One pass, in memory that does not grow with the log: the slices are as wide as they must be for
 * what has come so far, and two become one where there are too many. Samples may go back in time.
 */
#ifndef ML_READING_REDUCE_H
#define ML_READING_REDUCE_H

#include <stdbool.h>
#include <stdint.h>

enum { ML_REDUCE_CURVES = 16 };

struct ml_reduce;

/* At least that many slices are kept where there are as many samples, at most twice as many.
 * NULL: no memory. */
struct ml_reduce *ml_reduce_new(unsigned curves, unsigned slices);
void ml_reduce_free(struct ml_reduce *reduce); /* NULL is allowed */

/* The curve breaks here: another run, a gap. */
void ml_reduce_break(struct ml_reduce *reduce);
/* One sample; NAN: not known. */
void ml_reduce_add(struct ml_reduce *reduce, int64_t time_ns, const double *values);

struct ml_reduced {
    int64_t time_ns;
    bool begins; /* not connected with the one before */
    const double *values;
};

/* Every sample that is left, in the order in which they came. More may be added afterwards. */
void ml_reduce_visit(const struct ml_reduce *reduce,
                     void (*visit)(void *context, const struct ml_reduced *sample), void *context);

uint64_t ml_reduce_count(const struct ml_reduce *reduce); /* samples that were added */

#endif
