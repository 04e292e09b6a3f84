/* SPDX-License-Identifier: MIT */
/* published.h - what memlog in another process has published (base/publish.h), by its names. */
#ifndef ML_IMAGE_PUBLISHED_H
#define ML_IMAGE_PUBLISHED_H

#include <stddef.h>
#include <stdint.h>

#include "base/publish.h"
#include "image/memory.h"

struct ml_published_list {
    struct ml_published *entries;
    size_t count;
};

/* All of it, from the root there on. 0 or -errno: -ENOTSUP for what no memlog of these sources has
 * made; then there is nothing to free. */
int ml_published_read(struct ml_published_list *list, const struct ml_memory *memory,
                      uintptr_t root);
void ml_published_free(struct ml_published_list *list);

/* The entry of that name; NULL: there is none. */
const struct ml_published *ml_published_find(const struct ml_published_list *list,
                                             const char *name);
/* The address of the variable of that name and size. 0: there is none of that size. */
uintptr_t ml_published_variable(const struct ml_published_list *list, const char *name,
                                size_t bytes);

#endif
