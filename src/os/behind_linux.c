/* SPDX-License-Identifier: MIT */
#include "os/behind.h"

#include <dlfcn.h>
#include <stddef.h>

void *ml_os_behind(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    return found != NULL ? found : ml_os_behind_static(name);
}
