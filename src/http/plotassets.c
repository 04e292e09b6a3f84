/* SPDX-License-Identifier: MIT */
#include "http/plotassets.h"

#include <stdio.h>
#include <string.h>

const struct ml_asset *ml_plot_asset(const char *name, size_t length)
{
    char path[64];
    for (size_t i = 0; i < ml_plot_assets_count; i++) {
        const char *own = ml_plot_assets[i].path;
        if (strlen(own) == length && memcmp(own, name, length) == 0)
            return &ml_plot_assets[i];
    }
    snprintf(path, sizeof(path), "/debug/memlog/%.*s", (int)length, name);
    return ml_asset_find(path);
}
