/* SPDX-License-Identifier: MIT */
/* inside.h - a thread that writes the program's numbers onto the board, where the memlog run
 * over it may not read them out of its memory.
 *
 * It begins when it is asked for, and not before: a program with two threads can't unshare,
 * and memlog run waits with asking for that. It opens nothing and makes no system call but
 * to sleep, as the program may go into a sandbox.
 */
#ifndef ML_PRELOAD_INSIDE_H
#define ML_PRELOAD_INSIDE_H

#include "log/board.h"

/* The slot asks for numbers, and lives as long as the process. Outside of the heap, with no
 * lock held; does nothing when it is there. */
void ml_preload_inside_begin(struct ml_board_slot *slot);
/* In a forked child: it is not there. */
void ml_preload_inside_forget(void);

#endif
