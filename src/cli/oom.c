/* SPDX-License-Identifier: MIT */
#include "cli/oom.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The number behind "oom_kill " on a line of its own. False: no such file. */
static bool read_kills(const char *path, uint64_t *kills)
{
    char line[128];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "oom_kill %" SCNu64, kills) == 1)
            break;
    fclose(file);
    return true;
}

/* In a container the group's own folder is often what is mounted, whatever it is called outside. */
static uint64_t kills_of_group(const char *mount, const char *group, const char *name)
{
    char path[PATH_MAX];
    uint64_t kills = 0;
    snprintf(path, sizeof(path), "%s%s/%s", mount, group, name);
    if (!read_kills(path, &kills)) {
        snprintf(path, sizeof(path), "%s/%s", mount, name);
        (void)read_kills(path, &kills);
    }
    return kills;
}

/* "0::/user.slice" of version 2, "4:memory:/docker/1f2e" of version 1. */
static uint64_t kills_of_membership(const char *line)
{
    const char *controllers = strchr(line, ':');
    const char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL)
        return 0;
    if (strncmp(line, "0::", 3) == 0)
        return kills_of_group("/sys/fs/cgroup", group + 1, "memory.events");
    if (strstr(controllers, "memory") != NULL)
        return kills_of_group("/sys/fs/cgroup/memory", group + 1, "memory.oom_control");
    return 0;
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
