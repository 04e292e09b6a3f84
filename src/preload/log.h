/* SPDX-License-Identifier: MIT */
/* log.h - the log of a program that has never heard of memlog. */
#ifndef ML_PRELOAD_LOG_H
#define ML_PRELOAD_LOG_H

/* The calling thread was on a slow path: begin the log, if there is to be one and
 * it is time. Outside the heap, with no lock held. */
void ml_preload_log_notice(void);

#endif
