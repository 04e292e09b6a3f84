/* SPDX-License-Identifier: MIT */
/* condition.h - "sys>90%": one number of a sample against a bound, which is a number of its
 * kind or a share of the memory limit. Pure.
 *
 * A condition that has come true stays so until the number is a twentieth of the bound
 * away from it on the other side: one that swings about the bound is true once.
 */
#ifndef ML_CLI_CONDITION_H
#define ML_CLI_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/fields.h"

enum ml_comparison { ML_ABOVE, ML_AT_LEAST, ML_BELOW, ML_AT_MOST };

struct ml_condition {
    char text[96]; /* as it was said, without blanks */
    const struct ml_field *field;
    enum ml_comparison comparison;
    bool is_share; /* the bound is percent of the limit */
    double bound;
};

enum { ML_CONDITION_WHY_BYTES = 256 };

/* "COLUMN OP VALUE": any number that can be a column; > >= < <=; bytes with a unit
 * or a percentage, of other numbers digits. False: `why` says what is wrong. */
bool ml_condition_parse(struct ml_condition *condition, const char *text,
                        char why[ML_CONDITION_WHY_BYTES]);
/* Whether it is true of that value, where a share is one of `limit` bytes. `held`: it was, the
 * last time. */
bool ml_condition_holds(const struct ml_condition *condition, bool held, double value,
                        uint64_t limit);

#endif
