/* SPDX-License-Identifier: MIT */
/* loader.h - the loader in a forked child.
 *
 * A fork copies the loader's locks as they are. The one on its list of objects
 * is held by whoever changes the list, in dlopen and dlclose, or walks over it,
 * in dl_iterate_phdr; when that was another thread of the parent it is nobody's
 * in the child, and stays taken: the next walk would wait for ever. There, one
 * thread is left and the list stands still. A list that is whole can be walked
 * again; one with an object whose memory is gone already can't.
 */
#ifndef ML_OS_LOADER_H
#define ML_OS_LOADER_H

#include <stdbool.h>

/* Learn where the lock is. Once, early, with no lock held. Where it is not
 * found a child goes on as the C library made it. */
void ml_os_loader_init(void);

/* In a forked child, before anything walks over the list. */
void ml_os_loader_after_fork_child(void);

/* False: every walk over the list, dlopen and dlclose would wait for ever in
 * this process. */
bool ml_os_loader_is_usable(void);

#endif
