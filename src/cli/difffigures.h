/* SPDX-License-Identifier: MIT */
/* difffigures.h - what memlog diff compares: of each column that two parts have, some figures of each. */
#ifndef ML_CLI_DIFFFIGURES_H
#define ML_CLI_DIFFFIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/diffpart.h"
#include "reading/quantiles.h"
#include "stats/fields.h"

enum ml_statistic {
    ML_STATISTIC_MEAN, /* of the samples */
    ML_STATISTIC_P95,  /* quantiles.h says how exact */
    ML_STATISTIC_PEAK,
    ML_STATISTIC_LAST,
    ML_STATISTIC_RATE, /* of a total, which has this and the next only: growth in a second */
    ML_STATISTIC_INCREASE,
    ML_STATISTICS
};

struct ml_figures {
    uint64_t count; /* samples that have the number */
    long double sum;
    double peak, last;
    struct ml_quantiles quantiles;

    double increase; /* within runs */
    int64_t span_ns; /* that it took */
    bool has_before; /* a sample in this run */
    double before;
    int64_t before_ns;
};

struct ml_compared {
    const char *name;
    const struct ml_field *field; /* NULL: not memlog's */
    struct ml_figures figures[2]; /* A's, B's */
};

struct ml_comparison {
    struct ml_part parts[2];
    const char *mark; /* time 0 in each; NULL: their first samples are */
    bool is_whole;    /* not only what both have */
    int64_t zero_ns[2];
    int64_t length_ns; /* compared from 0 on, unless is_whole */
    unsigned count;
    struct ml_compared list[ML_COLUMNS_MOST]; /* what grew most first */
};

/* Read both. False after one line on stderr. */
bool ml_comparison_fill(struct ml_comparison *comparison);
/* The column of that name, or NULL. */
const struct ml_compared *ml_comparison_find(const struct ml_comparison *comparison,
                                             const char *name, size_t length);
static inline bool ml_compared_is_total(const struct ml_compared *compared)
{
    return compared->field != NULL && compared->field->kind == ML_TOTAL;
}
/* A number, or NAN where there is none. */
double ml_figure(const struct ml_figures *figures, enum ml_statistic statistic);
/* How much b is above a in percent of a; NAN where that says nothing, INFINITY above 0. */
double ml_growth_percent(double a, double b);

#endif
