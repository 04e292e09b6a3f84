/* SPDX-License-Identifier: MIT */
/* damage.h - what of a log could not be read as it stood: counted, with the first places. */
#ifndef ML_READING_DAMAGE_H
#define ML_READING_DAMAGE_H

#include <stdint.h>
#include <stdio.h>

enum ml_damage_kind {
    ML_DAMAGE_CUT,     /* lines without their end: the writer was killed, or the disk was full */
    ML_DAMAGE_NULS,    /* bytes of NUL: a file that was truncated beneath its writer; left out */
    ML_DAMAGE_GARBAGE, /* lines that no log has */
    ML_DAMAGE_COLUMNS, /* lines with more or fewer columns than their header names */
    ML_DAMAGE_NUMBERS, /* samples that can't be: memory in use above that from the system */
    ML_DAMAGE_LONG,    /* lines beyond all measure */
    ML_DAMAGE_CLOCK,   /* samples before the one above them: the clock was set back; they are taken */
    ML_DAMAGE_KINDS
};

enum { ML_DAMAGE_PLACES = 3 };

struct ml_damage {
    uint64_t count[ML_DAMAGE_KINDS];
    struct {
        uint64_t line;
        unsigned file; /* 1: LOG.1 */
    } places[ML_DAMAGE_KINDS][ML_DAMAGE_PLACES];
    uint64_t nul_bytes;
};

void ml_damage_add(struct ml_damage *damage, enum ml_damage_kind kind, unsigned file, uint64_t line);
/* Whether something is lost: a clock set back loses nothing, a last line that was cut is usual. */
uint64_t ml_damage_total(const struct ml_damage *damage);
/* "3 lines cut off (line 17, 2004, memory.log.1:5)": the words for one kind into text; "" for
 * none. Returns text. */
const char *ml_damage_words(const struct ml_damage *damage, enum ml_damage_kind kind, const char *name,
                            char *text, size_t capacity);
/* A line for each kind that occurred, as "memlog: NAME: ...". */
void ml_damage_tell(const struct ml_damage *damage, const char *name, FILE *to);

#endif
