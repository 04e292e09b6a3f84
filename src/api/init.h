/* SPDX-License-Identifier: MIT */
/* init.h - the wiring. Only init.c knows every floor. */
#ifndef ML_API_INIT_H
#define ML_API_INIT_H

/* Wire the floors, read the options, make the calling thread known when it is the first.
 * Runs as a constructor, before those of programs that have no priority. Idempotent. */
void ml_init(void);

#endif
