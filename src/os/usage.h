/* SPDX-License-Identifier: MIT */
/* usage.h - what the system says a process takes, this one or another: from /proc and the
 * cgroup's files. 0 where it says nothing. Nothing here allocates or touches errno.
 */
#ifndef ML_OS_USAGE_H
#define ML_OS_USAGE_H

#include <stdint.h>

struct ml_os_usage {
    uint64_t pss;             /* bytes of physical memory, of shared pages its share */
    uint64_t swap;            /* bytes */
    uint64_t majflt;          /* page faults that waited for a disk, so far */
    uint64_t process_threads; /* all of them */
    uint64_t fds;             /* descriptors that are open */
    uint64_t cgroup_current;  /* bytes that its cgroup is charged with */
};

/* In a member: it could not be read. For who tells that from 0. */
#define ML_OS_USAGE_UNKNOWN UINT64_MAX

/* Where the numbers are, by what looking costs. */
enum ml_os_usage_source {
    ML_OS_USAGE_ROLLUP = 1, /* pss, swap: the kernel walks all pages, milliseconds a GiB */
    ML_OS_USAGE_STAT = 2,   /* majflt, process_threads */
    ML_OS_USAGE_FDS = 4,
    ML_OS_USAGE_CGROUP = 8
};

/* Read those of the sources (a sum) for the process whose folder is proc: "/proc/self",
 * "/proc/4242". The other members stay. */
void ml_os_usage_read(const char *proc, unsigned sources, struct ml_os_usage *usage);

#endif
