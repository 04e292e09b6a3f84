/* SPDX-License-Identifier: MIT */
/* stopworld.h - stop all mutators but the caller, and let them go again.
 *
 * By a real-time signal to each. A thread that is inside the heap's slow
 * paths, where it may hold locks, goes on until it has left them; a stopped
 * thread therefore holds no lock of memlog's. All others stop wherever they
 * are, in the middle of an allocation's fast path too.
 */
#ifndef ML_GC_STOPWORLD_H
#define ML_GC_STOPWORLD_H

#include <stdbool.h>
#include <stdint.h>

/* Choose the signal and install the handler; idempotent. 0 or -errno. */
int ml_stopworld_init(void);
/* The signal that must never be blocked or taken by the program; 0 before init. */
int ml_stopworld_signal(void);

/* The calling thread takes the signal from now on: it may have been started
 * with all signals blocked, or the program was. */
void ml_stopworld_let_in(void);

/* Stop. Holds ml_mutators_lock until ml_world_start. False, with all going on,
 * when a thread does not answer for ten seconds (it has blocked the signal by
 * a system call of its own), or there is no signal to stop it with. Never to be
 * called within the heap's slow paths. */
extern uint64_t ml_stopworld_patience_ns; /* those ten seconds; less in tests */
/* How often it is looked whether those that have not answered have ended;
 * seldom in tests of the wake-up. */
extern uint64_t ml_stopworld_look_every_ns;
bool ml_world_stop(void);
void ml_world_start(void);

/* The heap's hook: the thread has left the slow paths and a stop is wanted. */
void ml_world_stop_wanted(void);

#endif
