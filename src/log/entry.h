/* SPDX-License-Identifier: MIT */
/* entry.h - a thread of the program's comes into the log, and goes out as it came. */
#ifndef ML_LOG_ENTRY_H
#define ML_LOG_ENTRY_H

#include <signal.h>

/* What it had before. */
struct ml_entry {
    sigset_t signals;
    int cancellable;
    int error;
};

/* No handler may run while a lock is held, since it may exit() or jump away;
 * nor may a cancellation end the thread. */
struct ml_entry ml_log_enter(void);
void ml_log_leave(const struct ml_entry *entry);

#endif
