/* SPDX-License-Identifier: MIT */
/* behind.h - the C library's functions of the names that libmemlog takes for itself.
 *
 * The loader knows them: they come next after ours. In a static program there is no loader, and
 * whatever has a name of ours was not linked at all. There the C library's own second names are
 * used (__sigaction, __pthread_create), and where it has none, or linking it would bring a name of
 * ours with it, the system call itself.
 */
#ifndef ML_OS_BEHIND_H
#define ML_OS_BEHIND_H

/* NULL: the C library has no such function. */
void *ml_os_behind(const char *name);

/* ---- in a static program ---------------------------------------------------------- */

/* As ml_os_behind, without asking the loader. */
void *ml_os_behind_static(const char *name);

#endif
