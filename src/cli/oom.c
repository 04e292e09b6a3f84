/* SPDX-License-Identifier: MIT */
#include "cli/oom.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The number behind "oom_kill " on a line of its own. */
static uint64_t number_in(const char *path)
{
    char line[128];
    uint64_t kills = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "oom_kill %" SCNu64, &kills) == 1)
            break;
    fclose(file);
    return kills;
}

/* "0::/user.slice" of version 2, "4:memory:/docker/1f2e" of version 1. */
static uint64_t kills_of_membership(const char *line)
{
    char file[PATH_MAX];
    const char *controllers = strchr(line, ':');
    const char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL)
        return 0;
    if (strncmp(line, "0::", 3) == 0)
        snprintf(file, sizeof(file), "/sys/fs/cgroup%s/memory.events", group + 1);
    else if (strstr(controllers, "memory") != NULL)
        snprintf(file, sizeof(file), "/sys/fs/cgroup/memory%s/memory.oom_control", group + 1);
    else
        return 0;
    return number_in(file);
}

uint64_t ml_oom_kills(void)
{
    char line[PATH_MAX + 64];
    uint64_t kills = 0;
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        kills += kills_of_membership(line);
    }
    fclose(file);
    return kills;
}
