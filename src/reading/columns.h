/* SPDX-License-Identifier: MIT */
/* columns.h - the columns of several runs as one list, and where each is in the run at hand.
 *
 * A column is known by its field (stats/fields.h) where it has one: "rss" of a process without
 * memlog and "RSS" of one with it are the same. Others are known by their names.
 */
#ifndef ML_READING_COLUMNS_H
#define ML_READING_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "reading/log.h"
#include "stats/fields.h"

enum { ML_COLUMNS_MOST = 4 * ML_LINE_COLUMNS }; /* what is above that is left out */

struct ml_column {
    char name[ML_LINE_NAME_BYTES]; /* as the first run that has it spells it */
    const struct ml_field *field;  /* NULL: memlog has none of that name */
    int place;                     /* among the columns of the run at hand; -1: it has none */
};

/* All zero: none yet. */
struct ml_columns {
    unsigned count;
    struct ml_column list[ML_COLUMNS_MOST];
};

/* Its place in the list, or -1. Either spelling of a field's name will do. */
int ml_columns_find(const struct ml_columns *columns, const char *name, size_t length);
/* Add what the run has and the list has not. */
void ml_columns_add(struct ml_columns *columns, const struct ml_log_run *run);
/* This is the run at hand: set the places. How many of its columns the list has not. */
unsigned ml_columns_enter(struct ml_columns *columns, const struct ml_log_run *run);
/* Where that one alone is in the run, or -1: much cheaper, for who reads a log for each column. */
int ml_column_place(const struct ml_column *column, const struct ml_log_run *run);
/* The same list without all that `names` (separated by commas or blanks) does not name, in the
 * order of that. False: *bad, of *bad_length, is none of them, or nothing is named (0 bytes). */
bool ml_columns_choose(struct ml_columns *columns, const char *names, const char **bad,
                       size_t *bad_length);
/* All names, separated by ", ", into text, cut where that ends. Returns text. */
const char *ml_columns_names(const struct ml_columns *columns, char *text, size_t capacity);

#endif
