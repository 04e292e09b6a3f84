/* SPDX-License-Identifier: MIT */
/* log_cases.h - logs with known answers: two hundred for each seed, the same ones every time. */
#ifndef MEMLOG_TESTS_LOG_CASES_H
#define MEMLOG_TESTS_LOG_CASES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { LOG_CASES = 200, LOG_CASE_KINDS = 20 };

enum log_case_answer { ANSWER_STEADY, ANSWER_PLATEAU, ANSWER_SPIKE, ANSWER_GROWING };

struct log_case {
    unsigned kind; /* number % LOG_CASE_KINDS */
    const char *name;
    enum log_case_answer answer;
    /* Steady and early plateau are one another's neighbours: either word is right. */
    bool may_be_steady;
    double hours;    /* from the first sample to the last */
    double interval; /* seconds */
    double level;    /* bytes that live at the start */
    double noise;    /* standard deviation of the low points, bytes */
    double rise;     /* bytes in the whole time; 0 where it does not grow */
};

/* Case number 0 to LOG_CASES - 1 of that seed, as a log; what it is into *what. to may be NULL. */
void log_case_write(uint64_t seed, unsigned number, FILE *to, struct log_case *what);

#endif
