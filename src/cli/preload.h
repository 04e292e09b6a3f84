/* SPDX-License-Identifier: MIT */
/* preload.h - where libmemlog-preload.so is: in the tree this program was built in,
 * beside it after an installation, or where it was installed to.
 */
#ifndef ML_CLI_PRELOAD_H
#define ML_CLI_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>

/* The folder this program is in, without the slash; "" when that is not to be learnt. */
void ml_own_folder(char *folder, size_t capacity);
/* Its path. False after one line on stderr. */
bool ml_preload_find(char *path, size_t capacity);

#endif
