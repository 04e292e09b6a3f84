/* SPDX-License-Identifier: MIT */
/* chain.h - why an object is alive: the way from a root to it, as short as there is one. */
#ifndef ML_IMAGE_CHAIN_H
#define ML_IMAGE_CHAIN_H

#include "image/refs.h"

struct ml_chain {
    struct ml_ref *steps; /* from the root down: each holds a pointer to the next one's object */
    size_t count;         /* 0: no root leads to it */
    bool was_cut;         /* the search was given up: too deep, or too many objects */
};

/* Of the direct references `visit`, if not NULL, is told of every one. The chain ends above at a
 * register, a root, or, where the object itself is a collected one, at one that is not collected.
 * depth: how many objects at most stand between. Each step up is a pass over the memory. 0 or
 * -ENOMEM; then there is nothing to free. */
int ml_chain_find(struct ml_chain *chain, struct ml_ref_search *search,
                  const struct ml_view_object *object, unsigned depth, ml_ref_visitor *visit,
                  void *argument);
void ml_chain_free(struct ml_chain *chain);

#endif
