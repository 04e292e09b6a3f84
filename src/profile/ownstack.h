/* SPDX-License-Identifier: MIT */
/* ownstack.h - whether the calling thread runs on the stack it was started on, and how much of
 * it is left. A signal's handler may have a stack of its own, and a coroutine has one: where those
 * end nobody says.
 */
#ifndef ML_PROFILE_OWNSTACK_H
#define ML_PROFILE_OWNSTACK_H

#include <stddef.h>
#include <stdint.h>

/* At start, before any other is called. */
void ml_own_stack_prepare(void);

/* Bytes below `here`, a place on the stack that is in use now, that the thread's own stack has
 * (or, the first thread's, may grow by); 0: it is another one, or nobody knows. Above it,
 * everything up to *end can be read. The C library may allocate to answer, once a thread. */
size_t ml_own_stack_room(uintptr_t here, uintptr_t *end);

#endif
