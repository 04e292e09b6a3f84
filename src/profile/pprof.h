/* SPDX-License-Identifier: MIT */
/* pprof.h - this process's profile as pprof's protocol buffer (encoder.h), in a gzip frame.
 *
 * The values are scaled: what the samples stand for, by chance and each bucket's average
 * size. Readers of this form take them as they are. Symbols there are none: to find
 * them is the readers' business, which takes no time here and finds more.
 */
#ifndef ML_PROFILE_PPROF_H
#define ML_PROFILE_PPROF_H

/* 0 or -errno. The calling thread has its cache and is outside of the heap. */
int ml_pprof_write(int fd, const char *comment);

#endif
