/* SPDX-License-Identifier: MIT */
/* refs.h - who holds pointers to objects, in a core file: every word of the heap's objects, of the
 * roots and of the threads' registers is looked at, and on demand of all other memory.
 *
 * One pass over the memory finds those to any number of objects. A part of it is held at a time.
 */
#ifndef ML_IMAGE_REFS_H
#define ML_IMAGE_REFS_H

#include "image/roots.h"

/* What is looked for: pointers into [begin, end); from stacks and registers to the end, too. */
struct ml_ref_target {
    uintptr_t begin, end;
};

enum ml_ref_holder {
    ML_REF_REGISTER,
    ML_REF_ROOT,
    ML_REF_OBJECT,  /* one that is allocated, where the collector looks */
    ML_REF_IGNORED, /* in an object, where it does not look */
    ML_REF_OTHER    /* in memory that is no root */
};

struct ml_ref {
    enum ml_ref_holder holder;
    uintptr_t place, value; /* place 0: a register */
    size_t target;          /* index of what it points to */
    uintptr_t within;       /* so many bytes behind its begin */
    struct ml_view_object object;     /* ML_REF_OBJECT, ML_REF_IGNORED */
    const struct ml_root_place *root; /* ML_REF_ROOT */
    size_t thread;                    /* ML_REF_REGISTER: its index */
    const char *name;                 /* likewise: of the register */
};

struct ml_ref_search {
    struct ml_core *core;
    const struct ml_heap_view *view;
    const struct ml_root_places *places;
    bool is_enough;        /* set by the visitor: the heap need not be looked at any more */
    bool everywhere;       /* also ML_REF_IGNORED and ML_REF_OTHER */
    uint64_t unread_bytes; /* that are not in the core file: the most of all that were looked for */
};

/* True: enough, the search ends. */
typedef bool ml_ref_visitor(const struct ml_ref *ref, void *argument);

/* Registers, then roots, then the heap, then other memory; targets in order of their addresses.
 * 0 or -ENOMEM. */
int ml_refs_find(struct ml_ref_search *search, const struct ml_ref_target *targets, size_t count,
                 ml_ref_visitor *visit, void *argument);

#endif
