/* SPDX-License-Identifier: MIT */
#include "gc/real.h"

/* The section's bounds, from the linker. */
extern struct ml_real __start_ml_reals[] __attribute__((visibility("hidden")));
extern struct ml_real __stop_ml_reals[] __attribute__((visibility("hidden")));

void ml_real_prepare(void)
{
    for (struct ml_real *real = __start_ml_reals; real < __stop_ml_reals; real++)
        (void)ml_real_find(real);
}
