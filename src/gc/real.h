/* SPDX-License-Identifier: MIT */
/* real.h - for the files whose functions stand in front of the C library's. */
#ifndef ML_GC_REAL_H
#define ML_GC_REAL_H

#include <stddef.h>

#include "os/behind.h"

#define EXPORT __attribute__((visibility("default")))

/* One such function, and where it was found. They stand side by side in a section
 * of their own, so that all can be looked up at once. */
struct ml_real {
    const char *name;
    void *found;
};

/* The C library's function of that name, looked up once: when it is first wanted,
 * or all of them by ml_real_prepare. */
#define REAL(type, function)                                                                     \
    ({                                                                                           \
        static struct ml_real real_ __attribute__((section("ml_reals"), used)) = { function, NULL }; \
        (type) ml_real_find(&real_);                                                             \
    })

static inline void *ml_real_find(struct ml_real *real)
{
    void *found = __atomic_load_n(&real->found, __ATOMIC_RELAXED);
    if (found == NULL) {
        found = ml_os_behind(real->name);
        __atomic_store_n(&real->found, found, __ATOMIC_RELAXED);
    }
    return found;
}

/* Early: a forked child that asks the loader may wait for ever, and a signal
 * handler may not ask at all. */
void ml_real_prepare(void);

#endif
