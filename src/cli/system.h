/* SPDX-License-Identifier: MIT */
/* system.h - what of a process the system says, and memlog in it does not. */
#ifndef ML_CLI_SYSTEM_H
#define ML_CLI_SYSTEM_H

#include <sys/types.h>

#include "memlog_stats.h"

/* rss and cgroup_limit of that process. */
void ml_system_add_numbers(pid_t pid, struct memlog_extra *extra);
/* The thread by whose number the process's memory is to be had: the first, or, where that has ended
 * (pthread_exit in main) and others go on, one of those. 0: it has no memory any more. */
pid_t ml_system_thread(pid_t pid);

#endif
