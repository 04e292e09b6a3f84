/* SPDX-License-Identifier: MIT */
/* folded.h - stacks as flame graphs want them: "main;serve;parse 4096", the outermost function
 * first, equal ones in one line. Begin here for a stack of a profile of ours (collapsed.c) or of
 * a file (collapse.h).
 */
#ifndef ML_HTTP_FOLDED_H
#define ML_HTTP_FOLDED_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/buffer.h"
#include "http/names.h"

/* The functions of one address: "caller;inlined". */
struct ml_folded_place {
    char *names;
    size_t kept; /* bytes of names before the first that is to be left out */
    bool is_cut; /* there is one */
};

struct ml_folded {
    regex_t drop;
    struct ml_folded_line {
        char *stack;
        int64_t value;
    } *lines;
    size_t count, room;
    size_t bytes; /* of all stacks */
    bool failed;  /* no memory, or more than a flame graph can have */
};

/* drop: an extended regular expression of whole names; NULL: none. 0, -ENOMEM, or -EINVAL for one
 * that is none. */
int ml_folded_begin(struct ml_folded *folded, const char *drop);
/* What the namer knows of the address, or else "[file]" (NULL: "[unknown]"). To be freed with
 * ml_folded_place_free. */
struct ml_folded_place ml_folded_place(struct ml_folded *folded, const struct ml_namer *namer,
                                       uintptr_t address, const char *file);
void ml_folded_place_free(struct ml_folded_place *place);
/* places: innermost first. A value of 0 and less is left out. */
void ml_folded_add(struct ml_folded *folded, const struct ml_folded_place *const *places,
                   size_t depth, int64_t value);
/* The lines, sorted. 0 or -ENOMEM. In any case nothing is left of `folded`. */
int ml_folded_end(struct ml_folded *folded, struct ml_buffer *buffer);

#endif
