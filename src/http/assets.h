/* SPDX-License-Identifier: MIT */
/* assets.h - the files that the live page is made of, held in the library: the page works where
 * nothing is installed and no other machine can be reached. page/embed.sh writes the table.
 */
#ifndef ML_HTTP_ASSETS_H
#define ML_HTTP_ASSETS_H

#include <stddef.h>

struct ml_asset {
    const char *path, *type; /* type: as in Content-Type */
    const char *bytes;       /* without a NUL at the end */
    size_t length;
};

extern const struct ml_asset ml_assets[];
extern const size_t ml_assets_count;

/* What is served there, or NULL. The path as it is asked for, without a query. */
const struct ml_asset *ml_asset_find(const char *path);

#endif
