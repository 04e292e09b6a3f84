/* SPDX-License-Identifier: MIT */
/* locate.h - where memlog's root (stats/root.h) is in another process: by the note of whatever
 * memlog is linked into, which is found in memory, so that a file that was replaced, stripped or is
 * in another container does not matter.
 */
#ifndef ML_CLI_LOCATE_H
#define ML_CLI_LOCATE_H

#include "cli/space.h"

/* 0: there is none. Where a program has more than one, that of the preload library, which
 * its malloc goes to. */
uintptr_t ml_locate_root(struct ml_space *space);
/* Whether a file called as memlog's libraries is in it. For one whose memory can't be
 * read. */
bool ml_locate_library(const struct ml_space *space);

#endif
