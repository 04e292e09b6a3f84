/* SPDX-License-Identifier: MIT */
/* tools.h - memlog-tools.so, loaded when it is needed. */
#ifndef ML_CLI_TOOLS_H
#define ML_CLI_TOOLS_H

#include "http/module.h"

/* NULL after one line on stderr. The same each time. */
const struct ml_module *ml_tools_load(void);
/* For what can be done without: nothing is said where there is none. */
const struct ml_module *ml_tools_try(void);

#endif
