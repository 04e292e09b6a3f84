/* SPDX-License-Identifier: MIT */
/* board.h - the board (log/board.h), as the process over the program has it. */
#ifndef ML_CLI_BOARD_H
#define ML_CLI_BOARD_H

#include <stdbool.h>

#include "log/board.h"

/* A new board: memory that lives as long as this process. file: the log's pattern. NULL after
 * an errno. */
struct ml_board *ml_board_make(bool all_children, const char *file);
/* Where a program opens it: for its environment. */
const char *ml_board_path(void);

#endif
