/* SPDX-License-Identifier: MIT */
/* log.h - the log of a program that has never heard of memlog.
 *
 * It is asked for by MEMLOG_FILE and by nothing else: with the library in
 * LD_PRELOAD and no more, a script of many commands leaves no file behind.
 *
 *   constructor        remembers the name, and the directory it is meant from:
 *                      a daemon changes it, and may overwrite its environment
 *   slow paths         begin the log, with its thread, when the process is 100 ms
 *                      old. Not before: unshare and setns fail in a process with two
 *                      threads, and what calls them does so when it starts
 *   exit               a log that was not begun yet is begun and ended: two points
 *
 * LD_PRELOAD and MEMLOG_FILE are inherited, but one file is one process's at a time: the
 * first to begin holds a lock on it (flock), and those that find it held write
 * nothing. So with `timeout 60 ./program` it is the program's and not timeout's, which
 * hardly allocates. A child of a process that was started so writes nothing if it
 * ends before it has begun. With MEMLOG_CHILDREN=1 every child writes to FILE.PID. A
 * program that execs another hands its log on to it; a forked child takes it over
 * when its parent has gone (a daemon). Children that are forked when the log has
 * begun are log/ticker.h's.
 *
 * A program that is linked with libmemlog says itself when its log begins.
 */
#ifndef ML_PRELOAD_LOG_H
#define ML_PRELOAD_LOG_H

#include <sys/types.h>

/* Before all other constructors, with the environment at hand. */
void ml_preload_log_prepare(void);
/* The same in a forked child of a process whose log is written by the memlog run over it,
 * to `file` (absolute; a pattern): FILE.PID, when `parent`, which has forked it, is gone;
 * 0: at once. */
void ml_preload_log_outlive(const char *file, pid_t parent);
/* The calling thread was on a slow path. Outside the heap, with no lock held. */
void ml_preload_log_notice(void);

#endif
