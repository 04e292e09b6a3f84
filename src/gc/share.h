/* SPDX-License-Identifier: MIT */
/* share.h - how markers share one mark's work, and know that it is done.
 *
 * Each marker works on a stack of its own. One that has run out says so
 * (ml_share_hungry), and one that has work and notices gives the older half of
 * its stack away, in a packet. Nobody who works touches anything shared but
 * that one word, read now and then: where nobody is hungry, sharing costs
 * nothing.
 *
 *   marking thread                        helper
 *   ml_share_open                         ml_share_join      sleeps until called
 *   ... marks; much to do:
 *   ml_share_call                         (wakes up)
 *   ml_share_give  <- it is hungry        ml_share_take      waits for a packet
 *   ml_share_take                         ... marks, gives, takes
 *     all hungry, no packets: done
 *   ml_share_close                        ml_share_take says so, joins again
 *
 * All is done when there is no packet and the count of busy markers is 0; a
 * packet is taken and the taker counted as busy under one lock. A helper that
 * comes late, or is slow to leave, holds nobody up: it has no work, and is not
 * counted. Who waits spins for some
 * microseconds, since a packet mostly comes at once, and then sleeps.
 */
#ifndef ML_GC_SHARE_H
#define ML_GC_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "gc/markstack.h"

enum { ML_PACKET_WORDS = 510 };

/* How many markers wait for work. */
extern uint32_t ml_share_hungry;

/* What helpers have done in a round. */
struct ml_share_sums {
    uint64_t objects, bytes, looked_up, pages_again;
    uint64_t overflows; /* times one's stack was too small */
};

/* Memory for packets; once, before the first round with helpers. 0 or -ENOMEM. */
int ml_share_init(void);

/* ---- the marking thread ---- */

/* A round begins, and the calling thread is busy. */
void ml_share_open(void);
/* There is enough work for others: wake them. */
void ml_share_call(void);
/* With an empty stack: wait for a packet, which goes onto it. False when nobody
 * has any work left. */
bool ml_share_wait(struct ml_mark_stack *into);
/* What helpers have done since this was asked last. All are idle. */
struct ml_share_sums ml_share_collect(void);
void ml_share_close(void);
/* CPU time that helpers have used, in all rounds so far; nanoseconds. */
uint64_t ml_share_cpu_ns(void);

/* ---- helpers ---- */

/* Sleep until called to a round other than `last`; returns its number. */
uint32_t ml_share_join(uint32_t last);
/* As ml_share_wait; false when the round is over. Books what was done with the
 * packet of the last call; NULL when there was none. */
bool ml_share_take(uint32_t round, const struct ml_share_sums *done, uint64_t cpu_ns,
                   struct ml_mark_stack *into);

/* ---- both ---- */

/* Offer up to count words from the stack's bottom to whoever is hungry. They
 * stay where they are when all packets are full. Returns how many went. */
size_t ml_share_give(struct ml_mark_stack *from, size_t count);

/* In a forked child, which has no helpers. */
void ml_share_after_fork_child(void);

#endif
