/* SPDX-License-Identifier: MIT */
/* bare.h - the least that it takes to stop threads and to let them go: a signal
 * to each, whose handler counts itself, the last one waking the sender, and
 * sleeps until it is let go; all of them are woken by one call. What a collector's
 * pause is compared with.
 */
#ifndef MEMLOG_BENCH_BARE_H
#define MEMLOG_BENCH_BARE_H

#include <stdint.h>
#include <sys/types.h>

/* Nanoseconds. */
struct bare_pause {
    uint64_t stop;    /* until all stood */
    uint64_t release; /* from then until they were told to go on */
    uint64_t all;
};

/* From now on SIGRTMIN stops these threads; the caller is none of them. */
void bare_begin(const pid_t *tids, int count);
/* Stop them, and let them go. */
struct bare_pause bare_stop_and_release(void);

#endif
