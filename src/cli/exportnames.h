/* SPDX-License-Identifier: MIT */
/* exportnames.h - what a column of a log is called as a metric, and beside names of our own. */
#ifndef ML_CLI_EXPORTNAMES_H
#define ML_CLI_EXPORTNAMES_H

#include "reading/columns.h"

enum { ML_METRIC_BYTES = 128 };

/* As the pages' /metrics calls it; into text, which is returned. What is not there has a name in
 * the same style, what no memlog wrote is memlog_ and its name. Two may have one name: they are the
 * same number then, or can't be told apart. */
const char *ml_export_metric(const struct ml_column *column, char text[ML_METRIC_BYTES]);
const char *ml_export_help(const struct ml_column *column);

/* Whether a word of that length has to be written with one '_' more behind it: it is one of those
 * names (the last is NULL), whatever '_' it ends in already. So no two become one. */
bool ml_export_is_ours(const char *word, size_t length, const char *const *names);

#endif
