/* SPDX-License-Identifier: MIT */
#include "cli/tools.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/preload.h"
#include "config.h"
#include "os/process.h"

#define LIBRARY "memlog-tools.so"

static bool find(char path[PATH_MAX])
{
    static const char *const places[] = { "%s/.libs/" LIBRARY, "%s/../lib/memlog/" LIBRARY, NULL };
    char folder[PATH_MAX - sizeof("/../lib/memlog/" LIBRARY)];
    ml_own_folder(folder, sizeof(folder));
    for (int i = 0; places[i] != NULL; i++) {
        snprintf(path, PATH_MAX, places[i], folder);
        if (access(path, R_OK) == 0)
            return true;
    }
    snprintf(path, PATH_MAX, "%s", MEMLOG_PKGLIBDIR "/" LIBRARY);
    return access(path, R_OK) == 0;
}

const struct ml_module *ml_tools_load(void)
{
    static const struct ml_module *module;
    char path[PATH_MAX];
    if (module != NULL)
        return module;
    if (!find(path)) {
        ml_os_complain("no " LIBRARY " is beside this program or in " MEMLOG_PKGLIBDIR
                       ": was memlog built without libmicrohttpd, zlib, libdw or jansson?", NULL);
        return NULL;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct ml_module *found = library == NULL ? NULL : dlsym(library, ML_MODULE_SYMBOL);
    if (found == NULL) {
        ml_os_complain("cannot load ", path, ": ", dlerror(), NULL);
        return NULL;
    }
    if (found->bytes != sizeof(*found) || strcmp(found->version, PACKAGE_VERSION) != 0) {
        ml_os_complain(path, " is of another version than this memlog", NULL);
        return NULL;
    }
    return module = found;
}
