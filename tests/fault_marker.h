/* SPDX-License-Identifier: MIT */
/* fault_marker.h - how a program tells prog_fail_nth that its calls count from
 * here on, or no longer: a prctl() that the kernel knows nothing of.
 */
#ifndef MEMLOG_TESTS_FAULT_MARKER_H
#define MEMLOG_TESTS_FAULT_MARKER_H

#include <sys/syscall.h>
#include <unistd.h>

enum { FAULT_MARKER = 0x6d6c6674 };

static inline void count_faults(int on)
{
    syscall(SYS_prctl, FAULT_MARKER, on, 0, 0, 0);
}

#endif
