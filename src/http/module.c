/* SPDX-License-Identifier: MIT */
#include "http/module.h"

#include "config.h"
#include "http/collapse.h"
#include "http/plotassets.h"

__attribute__((visibility("default"))) extern const struct ml_module memlog_tools;

const struct ml_module memlog_tools = {
    .bytes = sizeof(struct ml_module),
    .version = PACKAGE_VERSION,
    .settings = ml_http_settings,
    .start = ml_server_start,
    .stop = ml_server_stop,
    .collapse = ml_collapse_main,
    .write_profile = ml_dead_write_profile,
    .stacks = ml_dead_stacks,
    .variable = ml_dead_variable,
    .frames_open = ml_frames_open,
    .frames_close = ml_frames_close,
    .frames_over = ml_frames_over,
    .plot_asset = ml_plot_asset,
};
