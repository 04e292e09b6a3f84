/* SPDX-License-Identifier: MIT */
#include "cli/locate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/notes.h"

#define PRELOAD_NAME "libmemlog-preload"

/* ---- the mappings -------------------------------------------------------------- */

/* A line of /proc/PID/maps. */
struct mapping {
    uintptr_t start;
    unsigned long offset;
    const char *path; /* "": none */
};

/* All of the list, with a NUL behind it, or NULL. To be freed. */
static char *read_list(const struct ml_space *space)
{
    size_t length = 0, capacity = 0;
    char *list = NULL;
    for (;;) {
        if (capacity - length < 4096) {
            char *more = realloc(list, capacity = 2 * capacity + 65536);
            if (more == NULL)
                break;
            list = more;
        }
        ssize_t got = pread(space->maps, list + length, capacity - length - 1, (off_t)length);
        if (got <= 0) {
            list[length] = '\0';
            return list;
        }
        length += (size_t)got;
    }
    free(list);
    return NULL;
}

/* Cuts the line out of the list. */
static bool parse(char *line, struct mapping *mapping)
{
    int path = 0;
    if (sscanf(line, "%lx-%*x %*4s %lx %*s %*u %n", &mapping->start, &mapping->offset, &path) < 2 ||
        path == 0)
        return false;
    mapping->path = line + path;
    return true;
}

/* ---- all of them ----------------------------------------------------------------------- */

static bool is_called(const struct mapping *mapping, const char *name)
{
    const char *slash = strrchr(mapping->path, '/');
    return slash != NULL && strncmp(slash + 1, name, strlen(name)) == 0;
}

uintptr_t ml_locate_root(struct ml_space *space)
{
    const struct ml_memory memory = { ml_space_read, space };
    char *list = space->maps < 0 ? NULL : read_list(space), *rest = list, *line;
    struct ml_root_choice choice = { 0 };
    while (list != NULL && (line = strsep(&rest, "\n")) != NULL) {
        struct mapping mapping;
        if (parse(line, &mapping) && mapping.offset == 0 && mapping.path[0] == '/')
            ml_root_consider(&choice, &memory, mapping.start, is_called(&mapping, PRELOAD_NAME));
    }
    free(list);
    return choice.root;
}

bool ml_locate_library(const struct ml_space *space)
{
    char *list = space->maps < 0 ? NULL : read_list(space);
    bool found = list != NULL && (strstr(list, "/" PRELOAD_NAME) != NULL ||
                                  strstr(list, "/libmemlog.so") != NULL);
    free(list);
    return found;
}
