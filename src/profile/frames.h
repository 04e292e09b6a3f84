/* SPDX-License-Identifier: MIT */
/* frames.h - how far it is from one return address on the stack to the next, as learnt from
 * the unwinder, which takes half a microsecond for each frame to work it out anew.
 *
 *   sp ->  | locals of f ...        |
 *          | return address into g  |  <- sp + distance(pc in f) - 8
 *   sp' -> | locals of g ...        |
 *
 * The distance is the same each time for most places, as the compiler fixes the size of
 * a frame. Where it was once seen to differ (alloca, an aligned frame) the
 * unwinder is asked each time, and so it is where a word that is read is no return address that
 * was seen before. A direct-mapped table of single words: no lock, any thread, any handler.
 */
#ifndef ML_PROFILE_FRAMES_H
#define ML_PROFILE_FRAMES_H

#include <stdint.h>

/* Bytes from the stack pointer at the return address to that at the next; a multiple
 * of 8. Or one of these. */
enum { ML_FRAME_OUTERMOST = 0, ML_FRAME_UNKNOWN = 1 };
uintptr_t ml_frame_distance(uintptr_t pc);
/* The unwinder says so. ML_FRAME_UNKNOWN: it is not to be relied on. */
void ml_frame_learn(uintptr_t pc, uintptr_t distance);

#endif
