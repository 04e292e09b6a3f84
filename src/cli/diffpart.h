/* SPDX-License-Identifier: MIT */
/* diffpart.h - one side of memlog diff: a run, or what lies between two moments.
 *
 *   LOG              its last run
 *   LOG@2            its second run
 *   LOG@FROM..TO     moments as reading/when.h has them; without FROM from the beginning, without
 * TO to the end. Of whatever runs
 *   @...             the same of the newest log (reading/newest.h); -@... of the standard input
 */
#ifndef ML_CLI_DIFFPART_H
#define ML_CLI_DIFFPART_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/source.h"
#include "reading/columns.h"
#include "reading/log.h"

struct ml_part {
    const char *said; /* on the command line */
    struct ml_source source;
    char *log;             /* the log's name; NULL: the newest */
    unsigned wanted;       /* a run's number; 0: none was said */
    bool is_range;
    const char *from, *to; /* NULL: nothing was said. Within `words` */
    char *words;
    int64_t from_ns, to_ns;

    struct ml_log *read; /* the log, NULL before it was looked at */
    /* what ml_part_look found */
    struct ml_columns columns;
    struct ml_log_run run; /* the first that it has a sample of */
    unsigned runs;         /* that it has samples of; */
    unsigned all_runs;     /* that the log has samples of */
    uint64_t samples;
    int64_t begin_ns;          /* the first sample's time, as written */
    int64_t first_ns, last_ns; /* the earliest and the latest, steadily (log.h) */
    bool has_mark;
    int64_t mark_ns; /* the first of that name in it, steadily */
    struct ml_damage damage;
};

/* Where the log is, and which part is meant. other: one that is open, in whose standard input this
 * one may be, too; or NULL. False after one line on stderr. The text and the other must live as
 * long. */
bool ml_part_open(struct ml_part *part, const char *said, const struct ml_part *other);
/* Read the log once, and fill in the rest. mark: one to look for, or NULL. False after one line on
 * stderr; there was no sample, for one. */
bool ml_part_look(struct ml_part *part, const char *mark);
/* Read it again: the visitor is told of the part's samples, and their runs. False after one line on
 * stderr. The part must have been looked at. */
bool ml_part_visit(struct ml_part *part, const struct ml_log_visitor *visitor);
void ml_part_close(struct ml_part *part);

#endif
