/* SPDX-License-Identifier: MIT */
/* spike.h - whether a curve went far above where it is otherwise, and came back. */
#ifndef ML_READING_SPIKE_H
#define ML_READING_SPIKE_H

#include <stdbool.h>
#include <stddef.h>

#include "reading/series.h"

/* highs: a curve's highest values in the order of time, at most ML_SERIES_CELLS. teeth: how many
 * it has, 0 where it is no sawtooth. */
bool ml_spike_is(const struct ml_point *highs, size_t count, size_t teeth);

#endif
