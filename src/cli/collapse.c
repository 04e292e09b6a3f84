/* SPDX-License-Identifier: MIT */
#include "cli/collapse.h"

#include <stdlib.h>

#include "cli/tools.h"

/* Names take libraries that no other part of the command needs. */
int ml_cli_collapse(int argc, char **argv)
{
    const struct ml_module *tools = ml_tools_load();
    return tools == NULL ? EXIT_FAILURE : tools->collapse(argc, argv);
}
