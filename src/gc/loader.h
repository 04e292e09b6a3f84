/* SPDX-License-Identifier: MIT */
/* loader.h - whether the loader's lock can be had.
 *
 * A fork copies the lock as it is. When another thread of the parent held it,
 * in the middle of dlopen, it is nobody's in the child and stays taken, and a
 * collection, which has to hold it, would wait for ever. So in a child whose
 * parent had more threads one of memlog's own asks for it first.
 */
#ifndef ML_GC_LOADER_H
#define ML_GC_LOADER_H

#include <stdbool.h>

/* Waits for a second, the first time; then it is known, or asked without
 * waiting. False: it was not to be had until now. Under the collector's lock. */
bool ml_loader_is_usable(void);

/* Others: the parent had more threads than the one that forked. */
void ml_loader_after_fork_child(bool others);

#endif
