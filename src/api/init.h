/* SPDX-License-Identifier: MIT */
/* init.h - the wiring. Only init.c knows every floor. */
#ifndef ML_API_INIT_H
#define ML_API_INIT_H

#include <stdbool.h>

/* Wire the floors, read the options, make the calling thread known when it is the first.
 * Runs as a constructor, before those of programs that have no priority. Idempotent. */
void ml_init(void);

/* Another library's names stand before these: the preload library, which is all of
 * memlog itself. This copy has nothing to do then. */
bool ml_api_is_preempted(void);

#endif
