/* SPDX-License-Identifier: MIT */
#include "cli/system.h"

#include <stdio.h>

#include "os/cgroup.h"
#include "os/process.h"

void ml_system_add_numbers(pid_t pid, struct memlog_extra *extra)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    uint64_t limit = ml_os_cgroup_limit_under(path, "/sys/fs/cgroup");
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    extra->rss = ml_os_rss_bytes_of(path);
    /* One that is ending has left its cgroup after its memory: what was known stays. */
    if (extra->rss != 0)
        extra->cgroup_limit = limit;
}
