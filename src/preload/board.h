/* SPDX-License-Identifier: MIT */
/* board.h - the program's side of the board (log/board.h) of the memlog run over it:
 * where memlog is, and at exit the last numbers. Written at these two moments only, unless it
 * asks for more (inside.h).
 */
#ifndef ML_PRELOAD_BOARD_H
#define ML_PRELOAD_BOARD_H

#include <stdbool.h>

/* Before all other constructors, with the environment at hand. True when this process is on a
 * board: then somebody else writes its log. */
bool ml_preload_board_take(void);
/* Now and then, outside of the heap: whether memlog run asks for something. */
void ml_preload_board_notice(void);

#endif
