/* SPDX-License-Identifier: MIT */
/* real.h - for the files whose functions stand in front of the C library's. */
#ifndef ML_GC_REAL_H
#define ML_GC_REAL_H

#include <dlfcn.h>

#define EXPORT __attribute__((visibility("default")))

/* The C library's function of that name, looked up once. */
#define REAL(type, name)                                          \
    ({                                                            \
        static type real_;                                        \
        type found_ = __atomic_load_n(&real_, __ATOMIC_RELAXED);  \
        if (found_ == NULL) {                                     \
            found_ = (type)dlsym(RTLD_NEXT, name);                \
            __atomic_store_n(&real_, found_, __ATOMIC_RELAXED);   \
        }                                                         \
        found_;                                                   \
    })

#endif
