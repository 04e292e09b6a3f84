/* SPDX-License-Identifier: MIT */
/* findings.h - what the columns of a run say together, beside the verdict. */
#ifndef ML_READING_FINDINGS_H
#define ML_READING_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "reading/study.h"

enum ml_finding_kind {
    ML_FINDING_BY_NUMBER, /* more and more objects. a: objects an hour, b: bytes each, 0 not known
                           */
    ML_FINDING_BY_SIZE,   /* larger and larger ones. a: bytes an hour */
    ML_FINDING_BY_BOTH,   /* a: objects an hour, b: bytes each */
    ML_FINDING_RETAINED, /* a: bytes that could be given back, b: held, c: the most in use lately */
    ML_FINDING_FRAGMENTED, /* the same, where a is known and is the least of what is not in use */
    ML_FINDING_OUTSIDE,  /* RSS grows and Alloc does not. a: bytes an hour */
    ML_FINDING_CHURN,    /* a: bytes allocated a second, b: times a second that is all in use,
                           * INFINITY where nothing is */
    ML_FINDING_PRESSURE, /* a: collections a second, b: share of the CPU time, 0 not known */
    ML_FINDINGS
};

struct ml_finding {
    enum ml_finding_kind kind;
    double a, b, c;
};

struct ml_findings {
    size_t count;
    struct ml_finding list[ML_FINDINGS];
    size_t missing_count;
    const char *missing[5]; /* columns that would tell more of this log */
};

void ml_findings_find(const struct ml_study *study, bool is_growing, struct ml_findings *findings);

#endif
