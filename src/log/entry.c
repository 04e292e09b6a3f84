/* SPDX-License-Identifier: MIT */
#include "log/entry.h"

#include <errno.h>
#include <pthread.h>

/* Through the C library's name and not by a raw call: libmemlog puts its own
 * function there, which lets the collector's signal through. */
struct ml_entry ml_log_enter(void)
{
    struct ml_entry entry = { .error = errno };
    sigset_t all;

    sigfillset(&all);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &entry.cancellable);
    pthread_sigmask(SIG_SETMASK, &all, &entry.signals);
    return entry;
}

void ml_log_leave(const struct ml_entry *entry)
{
    pthread_sigmask(SIG_SETMASK, &entry->signals, NULL);
    pthread_setcancelstate(entry->cancellable, NULL);
    errno = entry->error;
}
