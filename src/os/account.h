/* SPDX-License-Identifier: MIT */
/* account.h - what the system has booked for a whole process, this one or another: its memory,
 * its CPU time, since when it runs, what it has open. For pages and exporters, not for every
 * sample. Nothing here allocates or touches errno.
 */
#ifndef ML_OS_ACCOUNT_H
#define ML_OS_ACCOUNT_H

#include <stdint.h>

#include "os/usage.h"

/* 0 where the system says nothing. */
struct ml_os_account {
    uint64_t resident_bytes;
    uint64_t peak_resident_bytes; /* the most that it ever was */
    uint64_t virtual_bytes;
    uint64_t cpu_ns;            /* user's and system's, of all its threads */
    uint64_t start_ns;          /* since 1970; the same at every call */
    uint64_t max_fds;           /* the soft limit; UINT64_MAX: none */
    struct ml_os_usage usage;   /* all but pss and swap, which take a walk over its pages */
};

/* For the process whose folder is proc: "/proc/self", "/proc/4242". */
void ml_os_account_read(const char *proc, struct ml_os_account *account);

/* The same, with another file than /proc/stat, which says when the system was started. */
void ml_os_account_read_with(const char *proc, const char *system, struct ml_os_account *account);

#endif
