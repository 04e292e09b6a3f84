/* SPDX-License-Identifier: MIT */
/* own.h - this process's numbers, for a log of its own. */
#ifndef ML_LOG_OWN_H
#define ML_LOG_OWN_H

#include "log/lines.h"

extern const struct ml_lines_source ml_own_numbers;

#endif
