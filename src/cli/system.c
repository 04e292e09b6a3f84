/* SPDX-License-Identifier: MIT */
#include "cli/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/cgroup.h"
#include "os/living.h"
#include "os/process.h"

static uint64_t rss_of(pid_t pid)
{
    char statm[ML_OS_LIVING_BYTES];
    return ml_os_rss_bytes_of(ml_os_living_file(statm, pid, "/statm"));
}

pid_t ml_system_thread(pid_t pid)
{
    char proc[64], path[ML_OS_LIVING_BYTES], statm[ML_OS_LIVING_BYTES + sizeof("/statm")];
    snprintf(proc, sizeof(proc), "/proc/%d", (int)pid);
    const char *living = ml_os_living(path, proc);
    snprintf(statm, sizeof(statm), "%s/statm", living);
    return ml_os_rss_bytes_of(statm) == 0 ? 0 : (pid_t)atoi(strrchr(living, '/') + 1);
}

void ml_system_add_numbers(pid_t pid, struct memlog_extra *extra)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    uint64_t limit = ml_os_cgroup_limit_under(path, "/sys/fs/cgroup");
    extra->rss = rss_of(pid);
    /* One that is ending has left its cgroup after its memory: what was known stays. */
    if (extra->rss != 0)
        extra->cgroup_limit = limit;
}
