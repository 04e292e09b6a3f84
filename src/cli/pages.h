/* SPDX-License-Identifier: MIT */
/* pages.h - the debug pages of a process that memlog runs, out of its memory: no web server is
 * in the program.
 */
#ifndef ML_CLI_PAGES_H
#define ML_CLI_PAGES_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/recorder.h"

struct ml_pages;

/* Pages at the address, of the process that the recorder records. NULL after one line on stderr. */
struct ml_pages *ml_pages_open(const char *address, pid_t pid, struct ml_recorder *recorder,
                               bool is_quiet);
/* Before the recorder is closed. NULL is fine. */
void ml_pages_close(struct ml_pages *pages);

#endif
