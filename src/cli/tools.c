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

/* As complain's list of words, where it is wanted. */
static const struct ml_module *refuse(bool aloud, const char *what, const char *more,
                                      const char *still_more)
{
    if (aloud)
        ml_os_complain(what, more, still_more, NULL);
    return NULL;
}

static const struct ml_module *load(bool aloud)
{
    static const struct ml_module *module;
    char path[PATH_MAX];
    if (module != NULL)
        return module;
    if (!find(path))
        return refuse(aloud, "no " LIBRARY " is beside this program or in " MEMLOG_PKGLIBDIR
                      ": was memlog built without libmicrohttpd, zlib, libdw or jansson?", "", "");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct ml_module *found = library == NULL ? NULL : dlsym(library, ML_MODULE_SYMBOL);
    if (found == NULL)
        return refuse(aloud, "cannot load it: ", dlerror(), "");
    if (found->bytes != sizeof(*found) || strcmp(found->version, PACKAGE_VERSION) != 0)
        return refuse(aloud, path, " is of another version than this memlog", "");
    return module = found;
}

const struct ml_module *ml_tools_load(void) { return load(true); }
const struct ml_module *ml_tools_try(void) { return load(false); }
