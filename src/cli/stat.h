/* SPDX-License-Identifier: MIT */
/* stat.h - memlog stat: the statistics of a process that runs already, once or again and again.
 *
 *   target.h    the process
 *   contact.h   memlog's numbers in it
 *   screen.h    where they are shown again and again
 *
 * The process is only looked at, as memlog attach does.
 */
#ifndef ML_CLI_STAT_H
#define ML_CLI_STAT_H

/* The words behind "memlog": argv[0] is "stat". The exit status. */
int ml_cli_stat(int argc, char **argv);

#endif
