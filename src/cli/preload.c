/* SPDX-License-Identifier: MIT */
#include "cli/preload.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/process.h"

#define LIBRARY "libmemlog-preload.so"

void ml_own_folder(char *folder, size_t capacity)
{
    ssize_t length = readlink("/proc/self/exe", folder, capacity - 1);
    folder[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
}

bool ml_preload_find(char *path, size_t capacity)
{
    /* A blank or a colon in it would be two libraries to the loader. */
    static const char *const places[] = { "%s/.libs/" LIBRARY, "%s/" LIBRARY, "%s/../lib/" LIBRARY,
                                          NULL };
    char folder[PATH_MAX], candidate[PATH_MAX + sizeof("/../lib/" LIBRARY)];
    const char *found = NULL;
    ml_own_folder(folder, sizeof(folder));
    for (int i = 0; places[i] != NULL && found == NULL; i++) {
        snprintf(candidate, sizeof(candidate), places[i], folder);
        if (access(candidate, R_OK) == 0)
            found = candidate;
    }
    if (found == NULL && access(MEMLOG_LIBDIR "/" LIBRARY, R_OK) == 0)
        found = MEMLOG_LIBDIR "/" LIBRARY;
    char *real = found == NULL ? NULL : realpath(found, NULL);
    if (real == NULL) {
        ml_os_complain("no " LIBRARY " is beside this program or in " MEMLOG_LIBDIR
                       ": was memlog installed as a whole?", NULL);
        return false;
    }
    bool fits = strpbrk(real, " :") == NULL && strlen(real) < capacity;
    if (fits)
        strcpy(path, real);
    else
        ml_os_complain(real, ": the loader takes no path with a blank or a colon in LD_PRELOAD; "
                       "install memlog elsewhere", NULL);
    free(real);
    return fits;
}
