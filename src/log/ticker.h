/* SPDX-License-Identifier: MIT */
/* ticker.h - the log itself: a thread that takes a sample at every interval,
 * and the samples, marks and comments that others add.
 *
 *   ml_log_start --> the thread "memlog-log" --> ml_lines_sample   lines.c
 *   ml_log_sample, _mark, _stop ------------------^ ml_stats_read     numbers
 *                                                   ml_record_sample  a line
 *                                                   ml_file_append    one write(2)
 *
 * One lock orders all lines, so that time in the log goes forward as far as
 * the clock does. It is held while a line is written to the disk. A second,
 * outer one orders starting and stopping; the thread never takes that one.
 *
 * All functions keep errno, can't be cancelled half-way, and hold signals
 * back while they hold a lock. None may be called while the world is stopped:
 * a stopped thread may hold the lock.
 */
#ifndef ML_LOG_TICKER_H
#define ML_LOG_TICKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"

/* All resolved: the environment and the defaults are in. */
struct ml_log_settings {
    const char *file; /* with %p, %e and %% */
    uint64_t interval_ns;
    const char *columns; /* as ml_record_add_columns takes them; NULL: none */
    uint64_t max_bytes;  /* above it the file is renamed to FILE.1; 0: no cap */
    bool children;       /* every forked child logs to FILE.PID */
    bool tell_cycles;    /* a comment line for each collection */
    bool control;        /* who asks for numbers gets them (answerer.h) */
    bool show_command;   /* the command line stands in the header */
    const char *gc;      /* how collections are done, for the header (record.h); static */
};

/* Start the log: the first sample is written before this returns. The strings
 * are copied. 0, or after one line on stderr -EALREADY, -EINVAL (a % sequence,
 * a column, an interval that makes no sense) or what opening the file gave.
 * In a child of a process that logs to the same file: FILE.PID. */
int ml_log_start(const struct ml_log_settings *settings) ML_MUST_CHECK;

/* A sample now. 0; -ENOTCONN: no log is running in this process; -EIO: the
 * line could not be written, it is counted as lost. */
int ml_log_sample(void);
/* A sample and "# mark NAME" behind it, in one write. As ml_log_sample; -EINVAL for NULL. */
int ml_log_mark(const char *name);
/* The line "# TEXT". Nothing happens when no log is running. */
void ml_log_comment(const char *words);

/* A last sample, "# end reason=stop", and the thread is gone when this
 * returns. 0 or -ENOTCONN. */
int ml_log_stop(void);
/* The same with reason=exit, for a destructor. Idempotent, and does nothing
 * in a process that did not start the log. Does not wait for ever for a lock
 * that the thread which called exit() may hold itself. */
void ml_log_at_exit(void);

/* Samples in the log and samples lost, since this process began logging. */
void ml_log_counts(uint64_t *samples, uint64_t *lost);

/* Around fork(), for pthread_atfork: the locks are taken before and given
 * back after. A child never writes into its parent's log: it closes it, and
 * with settings.children begins FILE.PID (the pattern expanded for the child
 * when %p is in it). After the child's heap and collector are in order again:
 * a thread is started. */
void ml_log_before_fork(void);
void ml_log_after_fork_parent(void);
void ml_log_after_fork_child(void);

/* In a child of a logged process: go on in FILE.PID when the parent is gone
 * (a daemon), or when a log that the child should have could not be begun. To
 * be called now and then, with no lock held: one branch in all other
 * processes, and a look every 100 ms at most in those. A log that can't be
 * opened is tried again at the next look, in silence: a daemon's descriptor 2
 * may be anything. */
void ml_log_poll_orphan(void);

/* When the tick after now is due: the first multiple of the interval, counted
 * from first_ns, that is in the future. So lateness never adds up, and what
 * was missed is not made up for. Pure. */
uint64_t ml_log_next_tick(uint64_t first_ns, uint64_t interval_ns, uint64_t now_ns);

#endif
