/* SPDX-License-Identifier: MIT */
/* publish.h - variables that can be read from outside of the process: by their
 * names, out of its memory or its core file, without any debug information.
 *
 * A file that owns a variable publishes it; the entries of all files stand one behind
 * the other in a section of their own, which stats/root.h tells where to find.
 */
#ifndef ML_BASE_PUBLISH_H
#define ML_BASE_PUBLISH_H

#include <stdint.h>

enum { ML_PUBLISHED_NAME_BYTES = 48 };

struct ml_published {
    char name[ML_PUBLISHED_NAME_BYTES]; /* "room.variable" */
    const void *address;
    uint64_t bytes;
};

/* At file scope, once for each name. */
#define ML_PUBLISH(its_name, variable)                                                  \
    __attribute__((section("memlog_published"), used)) static const struct ml_published  \
        ml_published_##variable = { its_name, &(variable), sizeof(variable) }

#endif
