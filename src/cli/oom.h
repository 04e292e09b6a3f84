/* SPDX-License-Identifier: MIT */
/* oom.h - how often the kernel has killed a process of this cgroup for want of
 * memory. Pure reading of /proc and /sys.
 */
#ifndef ML_CLI_OOM_H
#define ML_CLI_OOM_H

#include <stdint.h>

/* Kills so far in this process's cgroup, and below it (v2 or v1); 0 where that is not
 * to be learnt. */
uint64_t ml_oom_kills(void);
/* The same, with other files than /proc/self/cgroup and /sys/fs/cgroup. */
uint64_t ml_oom_kills_under(const char *membership, const char *root);

#endif
