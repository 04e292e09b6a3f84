/* SPDX-License-Identifier: MIT */
/* tls.h - where threads keep data of their own besides their stacks:
 * thread-local blocks, and the values of pthread_setspecific.
 */
#ifndef ML_OS_TLS_H
#define ML_OS_TLS_H

#include <stdint.h>

/* The calling thread's thread pointer: the key to its thread-local blocks. */
uintptr_t ml_os_thread_pointer(void);
/* Asks the loader where thread-specific data are: not to be called while other
 * threads are stopped. Once is enough. */
void ml_os_learn_tls(void);

/* A thread whose thread-local blocks are wanted. It is stopped, or the
 * caller's own. What lies in [seen, seen_end), as the used part of its stack
 * and what the C library keeps above it, is looked at anyway and left out. */
struct ml_os_tls_thread {
    uintptr_t pointer; /* ml_os_thread_pointer of it */
    uintptr_t seen, seen_end;
};
typedef void ml_os_tls_visitor(const struct ml_os_tls_thread *thread, void *argument);

/* Every thread-local block, static and dynamic, of all threads that
 * each_thread tells, and the tables of their pthread_setspecific values (once
 * ml_os_learn_tls was called). It is called several times: the loader is
 * asked about its objects once, and not by each thread anew. To be called
 * within ml_os_with_loader_locked. */
void ml_os_each_tls_block(void (*each_thread)(ml_os_tls_visitor *one, void *argument),
                          void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                          void *argument);

#endif
