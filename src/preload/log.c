/* SPDX-License-Identifier: MIT */
#include "preload/log.h"

void ml_preload_log_notice(void) {}
