/* SPDX-License-Identifier: MIT */
/* diffwords.h - the sentences and cells of memlog diff. Each into the caller's text, which is
 * returned. */
#ifndef ML_CLI_DIFFWORDS_H
#define ML_CLI_DIFFWORDS_H

#include "cli/diffprint.h"

enum { ML_WORDS_CELL = 40, ML_WORDS_SENTENCE = 512 };

/* "12.3 MiB", "12.3 MiB/s", "4012", "1.5 ms"; "-" where there is none. */
const char *ml_words_value(double value, const struct ml_field *field, enum ml_statistic statistic,
                           char *text);
/* "+12.3 MiB" */
const char *ml_words_change(double change, const struct ml_field *field,
                            enum ml_statistic statistic, char *text);
/* "+34.1 %"; "" where that says nothing. */
const char *ml_words_percent(double percent, char *text);
/* "10 min 30 s" */
const char *ml_words_duration(int64_t ns, char *text);
/* "B's mean Alloc is 12.3 MiB (34.1 %) above A's." And what of the threshold. */
const char *ml_words_headline(const struct ml_verdict *verdict, char *text);
/* "Compared: the first 10 min of each." */
const char *ml_words_extent(const struct ml_comparison *comparison, char *text);
/* "before.log, run 2 of 3, 2026-11-21 08:00:00, 10 min, 600 samples, ./leak --fast" */
const char *ml_words_part(const struct ml_part *part, char *text);
/* "Foo, Bar": the columns of that side that the other has not; "": none. */
const char *ml_words_only(const struct ml_comparison *comparison, int side, char *text);

#endif
