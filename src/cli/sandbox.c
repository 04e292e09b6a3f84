/* SPDX-License-Identifier: MIT */
#include "cli/sandbox.h"

#include <stdio.h>
#include <string.h>

#include "os/process.h"

/* Of /proc/PID/status, which everybody may read. -1: no such line. */
static long number_of(const char *status, const char *name)
{
    long number;
    const char *line = strstr(status, name);
    return line != NULL && sscanf(line + strlen(name), "%ld", &number) == 1 ? number : -1;
}

/* How many there are, or where the kernel does not count (before 5.9) which mode. */
static long filters_of(const char *path)
{
    char status[8192];
    if (ml_os_read_file(path, status, sizeof(status)) <= 0)
        return -1;
    long filters = number_of(status, "\nSeccomp_filters:");
    return filters >= 0 ? filters : number_of(status, "\nSeccomp:");
}

bool ml_sandbox_is_around(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    long own = filters_of("/proc/self/status"), its = filters_of(path);
    return own < 0 || its != own;
}
