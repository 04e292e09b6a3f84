/* SPDX-License-Identifier: MIT */
/* family.h - memlog run --children: a log for each process that the program starts, by fork or
 * by exec, and one for all of them together.
 *
 *   memory.log         the program
 *   memory.log.PID     a process under it
 *   memory.log.total   sums of Alloc and Sys, and of PSS: there a page that several
 *                      share counts once. Right while the program runs
 */
#ifndef ML_CLI_FAMILY_H
#define ML_CLI_FAMILY_H

#include "cli/recorder.h"
#include "log/board.h"

struct ml_family;

/* NULL after one line on stderr. `first`: the program's recorder. */
struct ml_family *ml_family_open(struct ml_board *board,
                                 const struct ml_recorder_settings *settings,
                                 struct ml_recorder *first);
/* Look for processes that have come or gone, and take a sample of each and of all. The
 * program's own was taken already. */
void ml_family_sample(struct ml_family *family);
/* The lines of all together. */
struct ml_lines *ml_family_lines(struct ml_family *family);
/* The program has ended. Processes that have not go on with logs of their own. */
void ml_family_close(struct ml_family *family);

#endif
