/* SPDX-License-Identifier: MIT */
/* system.h - what of the statistics the system says, and memlog in the process does not. */
#ifndef ML_CLI_SYSTEM_H
#define ML_CLI_SYSTEM_H

#include <sys/types.h>

#include "memlog_stats.h"

/* rss and cgroup_limit of that process. */
void ml_system_add_numbers(pid_t pid, struct memlog_extra *extra);

#endif
