/* SPDX-License-Identifier: MIT */
/* nearlimit.h - when memory comes near to what it may be, at 80 % and at 95 % of it: a program
 * that is killed there has no time to say anything afterwards.
 *
 * Two things are looked at, each with marks of its own, and the higher one counts:
 *
 *   the process    Sys - HeapReleased, of MEMLOG_MEMORY_LIMIT or of the cgroup's limit,
 *                  whichever is less. It comes with the allocation: a block of 1 GiB is
 *                  seen before its pages are touched, which they may never be
 *   the cgroup     what it holds, of its limit: other memory of the process and other
 *                  processes are in it
 *
 * The cgroup's figures are files. They are read when the heap has grown by a quarter of
 * what is left to the next mark (1 MiB at least), at once: who waits may not see the end. And
 * four times a second while samples are taken, but for a twentieth of the time at most. A heap
 * that goes up and down is looked at no more often for that. Where there is no limit they are
 * read every ten seconds.
 */
#ifndef ML_PROFILE_NEARLIMIT_H
#define ML_PROFILE_NEARLIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* What a program may have that sets no limit itself; INT64_MAX: anything. At start. */
void ml_nearlimit_prepare(int64_t memory_limit);

/* Whether it is time to look; cheap. sampled: the thread has just taken a sample. */
bool ml_nearlimit_is_due(bool sampled);
/* Look: 80 or 95 when that mark has just been crossed, else 0. By one thread at a time,
 * outside the heap, with some stack. */
unsigned ml_nearlimit_look(void);
/* Not now: for a process that has no business with it. */
void ml_nearlimit_put_off(void);

/* ---- what it consists of ---------------------------------------------------------- */

/* The highest mark that memory has come to, in percent. It is left when memory is ten
 * points below it. */
struct ml_limit_marks {
    unsigned reached;
};
/* Memory is at `used` of `limit` now (0: there is none): the mark that is new, or 0. */
unsigned ml_limit_marks_note(struct ml_limit_marks *marks, uint64_t used, uint64_t limit);
/* Bytes until the next mark, from 0; UINT64_MAX without a limit. */
uint64_t ml_limit_marks_left(uint64_t used, uint64_t limit);

#endif
