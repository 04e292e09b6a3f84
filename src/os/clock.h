/* SPDX-License-Identifier: MIT */
/* clock.h - the clocks memlog reads. All in nanoseconds. Signal-safe, never fail. */
#ifndef ML_OS_CLOCK_H
#define ML_OS_CLOCK_H

#include <stdint.h>

enum { ML_NS_PER_SECOND = 1000000000, ML_NS_PER_MS = 1000000 };

uint64_t ml_os_monotonic_ns(void);  /* CLOCK_MONOTONIC: for deadlines and spans */
uint64_t ml_os_realtime_ns(void);   /* CLOCK_REALTIME: since 1970, may step */
uint64_t ml_os_thread_cpu_ns(void); /* CPU time of the calling thread */

#endif
