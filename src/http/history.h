/* SPDX-License-Identifier: MIT */
/* history.h - what the numbers were, for a page that is opened late: a row a second for the last
 * hour, a row a minute for the last two days. A row of a minute has the largest
 * of each number in it, so that no peak is lost.
 *
 * The server's own thread writes and reads it.
 */
#ifndef ML_HTTP_HISTORY_H
#define ML_HTTP_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "http/buffer.h"
#include "http/source.h"
#include "os/clock.h"

#define ML_HISTORY_INTERVAL_NS ML_NS_PER_SECOND

/* NULL: no memory. */
struct ml_history *ml_history_new(void);
void ml_history_free(struct ml_history *history);
/* A row of now. Its time is behind the last one's, also when the clock was set back. Where the numbers can't be had there is none, and why is remembered. */
void ml_history_take(struct ml_history *history, const struct ml_source *source);

/* The names of a row's numbers, as a JSON array: "time" first. */
void ml_history_columns(struct ml_buffer *buffer);
/* The rows with a number above `since` (0: all that there are), as a JSON array of arrays in
 * order of time. */
void ml_history_rows(const struct ml_history *history, uint64_t since, struct ml_buffer *buffer);
/* The number of the last row; 0: there is none. */
uint64_t ml_history_last(const struct ml_history *history);
/* How many collections there were in that row; 0: it is not there any more. */
uint64_t ml_history_cycles(const struct ml_history *history, uint64_t sequence);
/* Of the last attempt: 0, or -errno. */
int ml_history_error(const struct ml_history *history);
/* The statistics of the last row. */
const struct memlog_memstats *ml_history_stats(const struct ml_history *history);
const struct memlog_extra *ml_history_extra(const struct ml_history *history);

#endif
