/* SPDX-License-Identifier: MIT */
/* folder.h - the names in a folder, read without allocating. */
#ifndef ML_OS_FOLDER_H
#define ML_OS_FOLDER_H

#include <stdbool.h>

/* Each name but those that begin with a dot, until a visit returns false. The descriptor that this
 * takes meanwhile is an entry of the process's own fd folder, too. 0 or -errno; errno stays. */
int ml_os_each_entry(const char *folder, bool (*visit)(const char *name, void *argument), void *argument);

#endif
