/* SPDX-License-Identifier: MIT */
/* when.h - moments as people say them on a command line, and where in a log they are.
 *
 *   2026-11-21   2026-11-21T08:00   2026-11-21 08:00:15.5   ...Z or +02:00 behind it   08:00
 *   @1294926363  -2h (before the log's end)  +10m (behind its beginning)  mark:NAME
 *
 * Without an offset in the time zone of TZ. "08:00" is on the day of the log's last sample, or the
 * day before where that is still to come; as an end, where that were before the beginning, the next
 * one after it.
 */
#ifndef ML_READING_WHEN_H
#define ML_READING_WHEN_H

#include <stdbool.h>
#include <stdint.h>

enum ml_when_kind { ML_WHEN_ABSENT, ML_WHEN_CLOCK, ML_WHEN_DAYTIME, ML_WHEN_AFTER_START, ML_WHEN_BEFORE_END, ML_WHEN_MARK };

struct ml_when {
    enum ml_when_kind kind;
    int64_t ns;       /* since 1970, since midnight, or the distance */
    const char *mark; /* its name, within the text that was parsed */
};

/* false: it is none. */
bool ml_when_parse(const char *text, struct ml_when *when);
/* Whether the whole log has to be read for it. */
bool ml_when_is_relative(const struct ml_when *when);

/* The moment in that log. from_ns: where that begins which it is the end of (INT64_MIN: with the log;
 * INT64_MAX: it is no end). 0; -ENODATA: there is no sample; -ENOENT: no such mark, or no such file;
 * or another errno's negative. */
int ml_when_resolve(const struct ml_when *when, const char *file, int64_t from_ns, int64_t *ns);

/* From and to as they were said (NULL: from the beginning, to the end), resolved: INT64_MIN and
 * INT64_MAX where nothing was said. On an error one line on stderr that names it, and the log by what
 * it is called, and false. */
bool ml_when_range(const char *from, const char *to, const char *file, const char *called,
                   int64_t *from_ns, int64_t *to_ns);

#endif
