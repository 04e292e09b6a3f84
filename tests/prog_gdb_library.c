/* SPDX-License-Identifier: MIT */
/* prog_gdb_library.c - a library with places for pointers, and in front of the C library's
 * pthread_create, to which it is told to keep one thread from ever beginning. */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

void *library_slot;
static _Thread_local void *in_tls[3];
void **library_tls(void);
void **library_tls(void) { return in_tls; }

static int is_delayed;
void delay_next(void);
void delay_next(void) { is_delayed = 1; }

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                   void *(*start)(void *), void *restrict argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (is_delayed) {
        is_delayed = 0;
        *thread = pthread_self();
        return 0;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, start, argument);
}
