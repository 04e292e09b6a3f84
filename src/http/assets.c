/* SPDX-License-Identifier: MIT */
#include "http/assets.h"

#include <string.h>

const struct ml_asset *ml_asset_find(const char *path)
{
    for (size_t i = 0; i < ml_assets_count; i++) {
        if (strcmp(ml_assets[i].path, path) == 0)
            return &ml_assets[i];
    }
    return NULL;
}
