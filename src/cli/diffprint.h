/* SPDX-License-Identifier: MIT */
/* diffprint.h - a comparison in words and tables, for people and for programs. */
#ifndef ML_CLI_DIFFPRINT_H
#define ML_CLI_DIFFPRINT_H

#include <stdio.h>

#include "cli/difffigures.h"

/* What is asked about B: how much it is above A in one statistic of one column. */
struct ml_verdict {
    const struct ml_compared *column;
    enum ml_statistic statistic;
    double a, b;
    const char *threshold; /* as it was said; NULL: there is none */
    bool is_exceeded;
};

/* "mean", "p95", "peak", "last", "rate", "increase" */
const char *ml_statistic_name(enum ml_statistic statistic);
/* Whether the column has it. */
bool ml_statistic_is_of(enum ml_statistic statistic, const struct ml_compared *compared);

void ml_diff_print_text(const struct ml_comparison *comparison, const struct ml_verdict *verdict,
                        FILE *to);
void ml_diff_print_markdown(const struct ml_comparison *comparison,
                            const struct ml_verdict *verdict, FILE *to);
void ml_diff_print_json(const struct ml_comparison *comparison, const struct ml_verdict *verdict,
                        FILE *to);

#endif
