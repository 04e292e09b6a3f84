/* SPDX-License-Identifier: MIT */
/* segments.h - where the process keeps data: the writable segments of the
 * program and its libraries, the stack, the mapping around an address. What
 * each thread has for itself is in tls.h.
 */
#ifndef ML_OS_SEGMENTS_H
#define ML_OS_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Run body(argument) while no library can be loaded or unloaded: inside the
 * loader's own lock. A collection stops the world in there, since a thread
 * that is stopped while it holds that lock would never give it back. */
void ml_os_with_loader_locked(void (*body)(void *), void *argument);

/* Every writable data segment of every loaded object except the object that
 * memlog itself is in when that is a library of its own: in whole words,
 * without the pages that the loader made read-only after relocation. Objects
 * of other namespaces (dlmopen) are not seen. To be called within
 * ml_os_with_loader_locked. */
void ml_os_each_segment(void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                        void *argument);

/* The stack of the calling thread: from its lowest address that may be in use
 * to its end. The first thread's stack grows: its low end is that of now, its
 * high end takes in the arguments and the environment. Another thread's high
 * end takes in its static thread-local blocks, and the C library may call
 * malloc and free to answer. 0, or -ENOTSUP when it can't be learnt. */
int ml_os_stack_bounds(uintptr_t *low, uintptr_t *high);

/* The end of the stack that the kernel started the program on, with the arguments behind it;
 * asks nobody. For ML_OS_FIRST_STACK_APART below there is nothing but that stack: the kernel
 * keeps twice as much free for it to grow into, at least. */
enum { ML_OS_FIRST_STACK_APART = 64 << 20 };
uintptr_t ml_os_first_stack_end(void);

/* The readable and writable mapping around address, from /proc/self/maps.
 * False when there is none. Where that file can't be read (no descriptor is
 * left, no /proc): what can be read around address, 64 MiB to each side at
 * most, be it writable or not, and of one mapping or of several. */
bool ml_os_mapping_around(uintptr_t address, uintptr_t *begin, uintptr_t *end);

#endif
