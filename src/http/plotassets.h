/* SPDX-License-Identifier: MIT */
/* plotassets.h - what memlog plot's page is made of: plot.html, and what stands in it as @@NAME@@. */
#ifndef ML_HTTP_PLOTASSETS_H
#define ML_HTTP_PLOTASSETS_H

#include "http/assets.h"

extern const struct ml_asset ml_plot_assets[];
extern const size_t ml_plot_assets_count;

/* The part of that name: "plot.js", "uplot.license"; of the live page's files those too. NULL:
 * there is none. */
const struct ml_asset *ml_plot_asset(const char *name, size_t length);

#endif
