/* SPDX-License-Identifier: MIT */
/* exporter.h - a log on its way into another format: what the formats of memlog export share. */
#ifndef ML_CLI_EXPORTER_H
#define ML_CLI_EXPORTER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/source.h"
#include "reading/columns.h"
#include "reading/log.h"

struct ml_exporter {
    struct ml_source source;
    struct ml_log *log;      /* NULL before it was read */
    const char *names;       /* of columns, as they were said; NULL: all */
    int64_t from_ns, to_ns;  /* both are in it */
    bool iso;                /* times as ISO 8601 */
    struct ml_columns columns;
    bool is_complete;        /* the columns are those of the whole log */
    bool has_told_columns;   /* that some are left out */
    uint64_t samples;        /* that were in the range */
    struct ml_damage damage; /* of the pass that counted them */

    const char *output; /* for messages */
    FILE *out;
};

/* A word of a sample's line. */
struct ml_word {
    const char *at;
    size_t length;
};

/* The formats. After a first pass over a log that can be read again. They end the program when
 * something can't be read or written. */
void ml_export_csv(struct ml_exporter *exporter);
void ml_export_json(struct ml_exporter *exporter);
void ml_export_metrics(struct ml_exporter *exporter);

/* Read the log; again: the same files as far as before, be the log rotated or longer by now. */
void ml_exporter_read(struct ml_exporter *exporter, const struct ml_log_visitor *visitor);
/* The run at hand; where the columns are not those of the whole log, they are the first run's. */
void ml_exporter_enter(struct ml_exporter *exporter, const struct ml_log_run *run);
static inline bool ml_exporter_wants(const struct ml_exporter *exporter, int64_t time_ns)
{
    return time_ns >= exporter->from_ns && time_ns <= exporter->to_ns;
}
/* One line on stderr about a name that is no column (length 0: none is named); ends the program. */
_Noreturn void ml_exporter_refuse(const struct ml_exporter *exporter, const char *name,
                                  size_t length);
/* After what was written: ends the program where that failed. */
void ml_exporter_check(struct ml_exporter *exporter);

/* The words of a sample's line: the time, then the columns; ML_LINE_COLUMNS + 1 of them, those that
 * are not there with a length of 0. */
void ml_exporter_split(const struct ml_log_sample *sample, struct ml_word *words);
/* "2026-11-21T08:00:00.250Z", with as many digits as `word` has, the time as the log has it. */
enum { ML_EXPORTER_TIME_BYTES = 40 };
const char *ml_exporter_iso(int64_t time_ns, const struct ml_word *word, char *text);

#endif
