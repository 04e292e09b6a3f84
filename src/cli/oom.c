/* SPDX-License-Identifier: MIT */
#include "cli/oom.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The number behind "oom_kill " on a line of its own. False: there is no such file or line. */
static bool read_kills(const char *path, uint64_t *kills)
{
    char line[128];
    bool found = false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof(line), file) != NULL)
        found = sscanf(line, "oom_kill %" SCNu64, kills) == 1;
    fclose(file);
    return found;
}

/* Of the group, or the nearest one above it that can be seen: in a container that is often the
 * mount point, which is its own group whatever the path says. */
static uint64_t kills_of_group(const char *mount, const char *group, const char *file)
{
    char path[2 * PATH_MAX], rest[PATH_MAX];
    uint64_t kills = 0;
    snprintf(rest, sizeof(rest), "%s", group);
    for (;;) {
        snprintf(path, sizeof(path), "%s%s/%s", mount, rest, file);
        char *slash = strrchr(rest, '/');
        if (read_kills(path, &kills) || slash == NULL)
            return kills;
        *slash = '\0';
    }
}

/* Is "memory" one of the controllers "cpu,memory"? */
static bool has_memory(const char *controllers)
{
    static const char memory[] = "memory";
    while (strncmp(controllers, memory, sizeof(memory) - 1) != 0 ||
           (controllers[sizeof(memory) - 1] != ',' && controllers[sizeof(memory) - 1] != '\0')) {
        controllers += strcspn(controllers, ",");
        if (*controllers++ == '\0')
            return false;
    }
    return true;
}

/* "0::/user.slice" of version 2, which is mounted beside version 1 while both are in use;
 * "4:cpu,memory:/docker/1f2e" of version 1. */
static uint64_t kills_of_membership(char *line, const char *root)
{
    char mount[PATH_MAX];
    char *controllers = strchr(line, ':');
    char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
    if (group == NULL)
        return 0;
    *group++ = '\0';
    if (strcmp(line, "0:") == 0) {
        snprintf(mount, sizeof(mount), "%s/unified", root);
        return kills_of_group(root, group, "memory.events") +
               kills_of_group(mount, group, "memory.events");
    }
    if (!has_memory(controllers + 1))
        return 0;
    snprintf(mount, sizeof(mount), "%s/memory", root);
    return kills_of_group(mount, group, "memory.oom_control");
}

uint64_t ml_oom_kills_under(const char *membership, const char *root)
{
    char line[PATH_MAX + 64];
    uint64_t kills = 0;
    FILE *file = fopen(membership, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        kills += kills_of_membership(line, root);
    }
    fclose(file);
    return kills;
}

uint64_t ml_oom_kills(void)
{
    return ml_oom_kills_under("/proc/self/cgroup", "/sys/fs/cgroup");
}
