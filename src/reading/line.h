/* SPDX-License-Identifier: MIT */
/* line.h - one line of a log: what it is, and its numbers. Pure; any bytes may come. */
#ifndef ML_READING_LINE_H
#define ML_READING_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ML_LINE_COLUMNS = 128,      /* behind the timestamp, at most */
    ML_LINE_BYTES_MOST = 16384, /* a longer one is none that memlog wrote */
    ML_LINE_NAME_BYTES = 64,    /* of a column's name, with its NUL */
    ML_LINE_SHAPE_PARTS = 24,
    ML_LINE_SLACK = 8           /* bytes that are read with others, and mean nothing */
};

/* The latest time that a sample may have, of the year 2111: twice that still is a number. */
#define ML_LINE_TIME_MOST_NS (INT64_MAX / 2 - INT64_C(150000000000000000))

enum ml_line_kind {
    ML_LINE_SAMPLE,
    ML_LINE_BLANK,
    ML_LINE_COMMENT, /* from '#' on */
    ML_LINE_CUT,     /* ends with the "?" that marks what was cut off */
    ML_LINE_GARBAGE
};

/* How long the parts of a plain line are: mostly as in the line before. */
struct ml_line_shape {
    unsigned char parts;       /* 0: there was none, or one that is too long for this */
    unsigned char has_fraction; /* the second part is the timestamp's */
    unsigned char digits[ML_LINE_SHAPE_PARTS];
};

/* A sample's numbers. */
struct ml_line_numbers {
    int64_t time_ns;                  /* since 1970 */
    unsigned count;                   /* columns */
    bool has_unknown;                 /* some are "-": NAN below */
    struct ml_line_shape shape;       /* ml_line_parse_plain's; zero it at first */
    double values[ML_LINE_COLUMNS];   /* exact up to 2^53 */
};

/* What the line (without its end) is; *numbers is filled for a sample. */
enum ml_line_kind ml_line_parse(const char *line, size_t length, struct ml_line_numbers *numbers);

/* The way most lines take: a whole one of `columns` plain numbers with one blank between, and
 * a newline, begins at `at`. Where the next begins, or NULL: it is something else, or too long for a
 * number. The memory ends at `end`, where a byte must stand that fits nowhere (NUL), and
 * ML_LINE_SLACK more of any kind. */
const char *ml_line_parse_plain(const char *at, const char *end, unsigned columns,
                                struct ml_line_numbers *numbers);

/* The words of a line: the next from *at on, before end; its length, 0 at the end. */
size_t ml_line_word(const char **at, const char *end);

#endif
