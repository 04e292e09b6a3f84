/* SPDX-License-Identifier: MIT */
/* newest.h - the log that is meant where none is named; what is one. */
#ifndef ML_READING_NEWEST_H
#define ML_READING_NEWEST_H

#include <stdbool.h>

/* MEMLOG_FILE's where that names a file that is there, without % in it; else the newest *.log
 * in this folder that begins as a log of memlog does, or else memory.log. For free(); NULL: there
 * is none. */
char *ml_newest_log(void);

/* Whether a file of that name begins as a log of memlog does: nothing is to be written over it. */
bool ml_is_log(const char *file);

#endif
