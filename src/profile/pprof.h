/* SPDX-License-Identifier: MIT */
/* pprof.h - the profile as pprof's protocol buffer, in a gzip frame.
 *
 * The values are scaled: what the samples stand for, by chance and each bucket's average
 * size. Readers of this form take them as they are. Symbols there are none: addresses, and
 * the files that were mapped there, with their build ids. As long as a profile names no function
 * pprof finds names, files, lines and inlined calls itself, which takes no time
 * here and finds more.
 *
 *   sample    4 values, the addresses, a label with the size of its objects
 *   location  one for each address, which is its own number: the byte before the return
 *             address, which is in the call
 *   mapping   one for each mapping of code
 */
#ifndef ML_PROFILE_PPROF_H
#define ML_PROFILE_PPROF_H

/* 0 or -errno. The calling thread has its cache and is outside of the heap. */
int ml_pprof_write(int fd, const char *comment);

#endif
