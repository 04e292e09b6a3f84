/* SPDX-License-Identifier: MIT */
/* cgroup.h - what the kernel lets the process's cgroup have, and what it has: version 2 or 1,
 * or both of them mounted beside each other, in a container or out of one.
 *
 * Each question reads several files, takes up to 15 KiB of stack and some ten microseconds a
 * file: not for every sample. Nothing here allocates or touches errno.
 */
#ifndef ML_OS_CGROUP_H
#define ML_OS_CGROUP_H

#include <stdint.h>

/* The tightest memory limit of the cgroup and its ancestors (of version 2 memory.max:
 * memory.high kills nobody); 0: none or unknown. */
uint64_t ml_os_cgroup_limit_bytes(void);

/* Of the cgroup and its ancestors, the one that is nearest to its limit. What is held is
 * charged to it and can't be dropped: not the pages of files that were read or written, which
 * fill each group in the end. limit 0: none has one. */
struct ml_os_cgroup_room {
    uint64_t limit, held;
};
struct ml_os_cgroup_room ml_os_cgroup_room(void);

/* --- the same of another process, or of other files than /proc/self/cgroup and
 *     /sys/fs/cgroup --- */

uint64_t ml_os_cgroup_limit_under(const char *membership, const char *root);
struct ml_os_cgroup_room ml_os_cgroup_room_under(const char *membership, const char *root);
/* What that cgroup is charged with, bytes; 0: unknown. */
uint64_t ml_os_cgroup_current_under(const char *membership, const char *root);

#endif
