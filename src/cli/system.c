/* SPDX-License-Identifier: MIT */
#include "cli/system.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "os/cgroup.h"
#include "os/process.h"

static uint64_t rss_of(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    return ml_os_rss_bytes_of(path);
}

static pid_t other_thread(pid_t pid)
{
    char path[64];
    pid_t found = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    for (struct dirent *entry; threads != NULL && found == 0 && (entry = readdir(threads)) != NULL;) {
        pid_t thread = (pid_t)atoi(entry->d_name);
        found = thread > 0 && rss_of(thread) != 0 ? thread : 0;
    }
    if (threads != NULL)
        closedir(threads);
    return found;
}

static uint64_t rss_of_others(pid_t pid)
{
    pid_t thread = other_thread(pid);
    return thread == 0 ? 0 : rss_of(thread);
}

pid_t ml_system_thread(pid_t pid) { return rss_of(pid) != 0 ? pid : other_thread(pid); }

void ml_system_add_numbers(pid_t pid, struct memlog_extra *extra)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    uint64_t limit = ml_os_cgroup_limit_under(path, "/sys/fs/cgroup");
    extra->rss = rss_of(pid);
    if (extra->rss == 0)
        extra->rss = rss_of_others(pid);
    /* One that is ending has left its cgroup after its memory: what was known stays. */
    if (extra->rss != 0)
        extra->cgroup_limit = limit;
}
