/* SPDX-License-Identifier: MIT */
/* stack.h - the calls that lead to an allocation.
 *
 * By the tables that the compiler writes for exceptions (libgcc's unwinder, which neither
 * allocates nor, with glibc 2.35 and later, takes a lock) and what was learnt of it (frames.h);
 * or by the chain of frame pointers, for code without such tables that is compiled with
 * -fno-omit-frame-pointer: where one caller is not, his and his callers' frames are missing.
 * Both may be interrupted, and used by who interrupts.
 */
#ifndef ML_PROFILE_STACK_H
#define ML_PROFILE_STACK_H

#include <stdbool.h>
#include <stdint.h>

enum { ML_STACK_MOST = 64 };

/* Once, before the first. */
void ml_stack_prepare(bool by_frame_pointers);
/* The return addresses of the calling thread's frames, the innermost first, without those
 * of memlog's own up to the door (ML_DOOR); how many. */
unsigned ml_stack_take(uintptr_t pcs[ML_STACK_MOST]);

#endif
