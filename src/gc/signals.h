/* SPDX-License-Identifier: MIT */
/* signals.h - the signal names that memlog stands in front of.
 *
 * The stop signal must reach every thread at any time: it is taken out of the
 * masks that the program sets, for itself, for its handlers and for single
 * waits; a wait for all signals does not swallow it; and nobody changes what
 * it does. Everything else is as the C library does it.
 */
#ifndef ML_GC_SIGNALS_H
#define ML_GC_SIGNALS_H

#include <signal.h>

/* The C library's sigaction. */
int ml_real_sigaction(int signal, const struct sigaction *action, struct sigaction *old);

#endif
