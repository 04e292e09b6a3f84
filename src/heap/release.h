/* SPDX-License-Identifier: MIT */
/* release.h - when free pages go back to the operating system.
 *
 * A clock of short ticks. What is kept is a tenth more than the most that was
 * in use lately, since a heap that saws up and down would fault the same pages
 * in again and again; what lies free above that for a few ticks is released, a
 * share of it at each tick, so that no tick takes long.
 *
 * With a limit set, what lies free above 95 % of it goes at the next tick, rested
 * or not, and what would go beyond it at once (ml_release_down_to).
 */
#ifndef ML_HEAP_RELEASE_H
#define ML_HEAP_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    ML_RELEASE_TICK_MS = 250,
    ML_RELEASE_WINDOW = 16, /* ticks that "lately" is: four seconds */
    ML_RELEASE_IDLE_TICKS = 2 /* a run rests free so long first */
};

/* One tick, by one thread (the background's). True while there is something to come back
 * for: memory above what is kept, or a peak that still has to leave the window. */
bool ml_release_tick(void);

/* Everything that is free, now. Any thread. Bytes released. */
uint64_t ml_release_all(void);

/* So much of what is free that no more than `bytes` of the heap have memory
 * behind them, as far as that is enough. Any thread. */
void ml_release_down_to(uint64_t bytes);

/* How many bytes of the heap the ticks let have memory behind them; UINT64_MAX,
 * which it is at first: no limit. Any thread. */
void ml_release_set_limit(uint64_t bytes);

#endif
