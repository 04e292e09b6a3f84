/* SPDX-License-Identifier: MIT */
/* dump.h - the profile into a file, without a word of the program's: at its end, at a signal,
 * and as the heap comes to new heights, so that something is there when it is killed.
 *
 *   FILE            at exit, and at each signal
 *   FILE.peak       when Alloc is 5 % above what it was at the last one
 *   FILE.limit80    when memory comes to 80 % of what it may be
 *   FILE.limit95    and to 95 %, most likely the last that is heard of it (nearlimit.h)
 *
 * Of the last two each is written again when memory was ten points below its mark and comes
 * back. Beside each other they say what has grown between them.
 *
 * Whole or not at all: what is written gets its name when it is finished. One at a time; for
 * peaks no more than a twentieth of the time. It takes some room on the stack of who comes by:
 * threads with little of it, handlers with a stack of their own and coroutines don't do it. A
 * signal is answered by the next that has enough when it allocates.
 */
#ifndef ML_PROFILE_DUMP_H
#define ML_PROFILE_DUMP_H

#include <stdbool.h>
#include <stdint.h>

/* file: a pattern with %p (pid), %e (program), %% (%); one that ends in ".txt" gets the text
 * form. NULL: "memlog.heap", at signals alone. signal: 0: none. To be called at start, after
 * ml_profile_start. memory_limit: as for ml_nearlimit_prepare. 0, -EINVAL for another %
 * sequence, -ENAMETOOLONG; or -errno for the signal. */
int ml_dump_prepare(const char *file, int signal, int64_t memory_limit, const char *comment);

/* The program ends. */
void ml_dump_at_exit(void);
/* The calling thread has allocated a sample, or was on a slow path; it is outside the heap. */
void ml_dump_notice(bool sampled);

#endif
