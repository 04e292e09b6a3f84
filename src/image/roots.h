/* SPDX-License-Identifier: MIT */
/* roots.h - where the collector of a process in a core file begins, as ranges of its memory: what
 * gc/roots.c looks at in a process that lives. Registers are in core.h, and uncollectable objects
 * in the heap.
 */
#ifndef ML_IMAGE_ROOTS_H
#define ML_IMAGE_ROOTS_H

#include "image/core.h"
#include "image/heapview.h"

enum ml_image_root {
    ML_IMAGE_STACK,     /* in use */
    ML_IMAGE_TLS,       /* thread-local variables, and what pthread_setspecific keeps */
    ML_IMAGE_DATA,      /* of a program or a library */
    ML_IMAGE_ADDED,     /* by memlog_add_roots */
    ML_IMAGE_THREAD,    /* a thread's argument or result */
    ML_IMAGE_FINALIZER, /* what one is given */
    ML_IMAGE_OWN        /* memlog's own library's: no root */
};

struct ml_root_place {
    uintptr_t begin, end; /* whole words */
    enum ml_image_root kind;
    size_t which; /* a thread's or a mapping's index in the core; else 0 */
};

struct ml_root_places {
    struct ml_root_place *list; /* in order of their addresses; none overlap */
    size_t count, room;
};

/* root: memlog's, as ml_core_root has it. 0 or -ENOMEM; then there is nothing to free. What can't
 * be read is left out. */
int ml_root_places_find(struct ml_root_places *places, struct ml_core *core,
                        const struct ml_heap_view *view, uintptr_t root);
void ml_root_places_free(struct ml_root_places *places);
/* The one that the address is in; NULL: none. */
const struct ml_root_place *ml_root_place_at(const struct ml_root_places *places,
                                             uintptr_t address);

#endif
