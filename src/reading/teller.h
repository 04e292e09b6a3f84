/* SPDX-License-Identifier: MIT */
/* teller.h - from a log's lines to its runs, samples and events. Pure. */
#ifndef ML_READING_TELLER_H
#define ML_READING_TELLER_H

#include "reading/log.h"

struct ml_teller {
    struct ml_log_run run;
    struct ml_damage damage;
    struct ml_line_numbers numbers; /* of the line that is looked at */
    struct ml_log_sample sample;    /* the same, as it is told */
    unsigned file;
    uint64_t line; /* the last one's number, in its file */

    char header[4096];  /* the last one */
    bool is_named;      /* the columns are, by a line "# timestamp ..." */
    bool is_announced;  /* the visitor knows of the run */
    bool is_ordered;    /* Sys is at least Alloc in each sample */
    bool after_blank;   /* there was a blank line since the last sample */
    unsigned odd_count; /* columns of the line before, where that did not fit; 0: it did */
    bool has_time;      /* the run has a sample */
    int64_t time_ns, steady_ns; /* its last one's, as log.h has them */
    int64_t shift_ns;           /* what the clock was set back in all, and an interval for each time */
};

void ml_teller_init(struct ml_teller *teller);
/* The columns that a plain sample has at this point; 0: none can come. */
unsigned ml_teller_columns(const struct ml_teller *teller);
/* A line, without its end. The visitor is told before it returns. */
void ml_teller_line(struct ml_teller *teller, const struct ml_log_visitor *visitor, const char *line,
                    size_t length);
/* The same for one whose numbers are in teller->numbers already, by ml_line_parse_plain. */
void ml_teller_plain(struct ml_teller *teller, const struct ml_log_visitor *visitor, const char *line,
                     size_t length);
/* The line is counted, and that it is damaged. */
void ml_teller_damaged(struct ml_teller *teller, enum ml_damage_kind kind);

#endif
