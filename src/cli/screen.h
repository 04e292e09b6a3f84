/* SPDX-License-Identifier: MIT */
/* screen.h - a text that stands in the same place of a terminal again and again, as watch(1) has
 * it: from the top left on, and no more of it than there is room for.
 */
#ifndef ML_CLI_SCREEN_H
#define ML_CLI_SCREEN_H

#include <stdbool.h>

#include "base/format.h"

/* Whether the descriptor is of a terminal that can do that. */
bool ml_screen_is(int fd);
/* How large it is; 0: it does not say. */
void ml_screen_size(int fd, unsigned *rows, unsigned *columns);
/* The lines of the text over what is there, each cut to the columns, one row left free below them.
 * 0: there is no end. Pure. */
void ml_screen_write(struct ml_text *to, const char *text, unsigned rows, unsigned columns);

#endif
