/* SPDX-License-Identifier: MIT */
/* record.h - the log's lines as text.
 *
 *   # memlog 1 pid=4242 start=2026-11-21T08:00:00Z interval=1s command="./leak --fast"
 *   # timestamp Alloc Sys
 *   1294926363 4433792 11118840
 *
 * Of a process without memlog only the system knows something. Then Alloc and Sys are not
 * there, and "-" stands for what the system does not say:
 *
 *   # timestamp rss pss swap
 *   1294926363 5701632 - -
 *
 * Pure: everything goes from the arguments into a caller's text. When a line
 * is written, and where to, is ticker.h's and file.h's business.
 */
#ifndef ML_LOG_RECORD_H
#define ML_LOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bits.h"
#include "base/format.h"
#include "gc/history.h"
#include "stats/fields.h"

enum {
    ML_RECORD_COLUMNS = 96,         /* further columns at most: more than there are fields */
    ML_RECORD_COMMAND_BYTES = 2048, /* of the command line, with its NUL; the rest is cut */
    ML_RECORD_COMMENT_BYTES = 1000, /* of a comment's text; the rest is cut */
    /* What suffices for the text of all header lines, and for a sample. */
    ML_RECORD_HEADER_BYTES = 6144,
    ML_RECORD_SAMPLE_BYTES = 3072,
    ML_RECORD_CYCLE_BYTES = 640
};

/* How the sample lines of one log look. */
struct ml_record {
    uint64_t interval_ns;
    unsigned fraction_digits; /* of the timestamp: 0, 3, 6 or 9 */
    bool without_heap;        /* no Alloc and Sys in front */
    bool needs_extra;         /* a column lives in memlog_extra */
    unsigned usage_sources;   /* columns that the system knows: enum ml_os_usage_source */
    size_t column_count;      /* beyond the three */
    const struct ml_field *columns[ML_RECORD_COLUMNS];
};

/* What the header says of the run. */
struct ml_record_run {
    pid_t pid;
    uint64_t start_ns;   /* since 1970 */
    const char *gc;      /* "concurrent" or "stop"; NULL: left out */
    const char *command; /* as ml_os_command_line writes it; NULL: left out */
};

/* Lines at that interval, with no further columns yet. */
void ml_record_init(struct ml_record *record, uint64_t interval_ns);

/* The same for a process without memlog: rss, pss, swap, and what is added. */
void ml_record_init_without_heap(struct ml_record *record, uint64_t interval_ns);

/* Add the columns that list names: separated by commas or blanks, in the
 * member's or Go's spelling. A name that is there already (Alloc and Sys
 * always are) adds nothing. 0; -ENOENT: no field has that name; -EINVAL: it
 * is an array and can't be a column; -ENXIO: it is the heap's, and the record is without;
 * -E2BIG. After an error *bad and
 * *bad_length say which part of list is meant. */
int ml_record_add_columns(struct ml_record *record, const char *list, const char **bad,
                          size_t *bad_length) ML_MUST_CHECK;

/* Whether its lines have that number. */
bool ml_record_has_column(const struct ml_record *record, const struct ml_field *field);
/* That number is read with each sample from now on, be it a column or not. */
void ml_record_need(struct ml_record *record, const struct ml_field *field);

/* The header's two lines. */
void ml_record_header(struct ml_text *text, const struct ml_record *record,
                      const struct ml_record_run *run);
/* One sample. extra may be NULL unless record->needs_extra, usage unless it has sources. */
void ml_record_sample(struct ml_text *text, const struct ml_record *record, uint64_t now_ns,
                      const struct memlog_memstats *stats, const struct memlog_extra *extra,
                      const struct ml_os_usage *usage);

/* "# gc 7 end=1794956363.123456 how=along ...": one collection, as pairs of a
 * name and a number. Bytes and nanoseconds; end: since 1970. */
void ml_record_cycle(struct ml_text *text, const struct ml_gc_record *cycle);
/* "# gc 300 missed=44": of so many up to that one nothing is known any more. */
void ml_record_missed_cycles(struct ml_text *text, uint64_t last, uint64_t count);
/* "# limit 536870912" */
void ml_record_limit(struct ml_text *text, uint64_t bytes);
/* "# lost 17 samples (No space left on device)" */
void ml_record_lost(struct ml_text *text, uint64_t samples, const char *reason);
/* "# ", the keyword, the words, and a line break. Line breaks and other
 * control characters in words become blanks; a long text is cut. */
void ml_record_comment(struct ml_text *text, const char *keyword, const char *words);

#endif
