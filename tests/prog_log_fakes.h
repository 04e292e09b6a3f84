/* SPDX-License-Identifier: MIT */
/* prog_log_fakes.h - numbers for the log that a test can predict: the n-th
 * reading says Alloc n and Sys 1000000000 + n, so that a sample that is lost,
 * or mixed of two, shows.
 */
#ifndef MEMLOG_TESTS_PROG_LOG_FAKES_H
#define MEMLOG_TESTS_PROG_LOG_FAKES_H

#include <stdint.h>

#define FAKE_SYS_BASE UINT64_C(1000000000)

extern uint64_t fake_reads;       /* calls of ml_stats_read so far */
extern uint64_t fake_extra_reads; /* and of ml_stats_read_extra */
extern uint32_t fake_slow_ms;     /* how long a reading takes */
extern uint32_t fake_hold;        /* readings wait while it is not 0 */
extern uint64_t fake_cycles;      /* collections so far; the last 256 are remembered */

#endif
