/* SPDX-License-Identifier: MIT */
/* attach.h - memlog attach: the log of a process that runs already.
 *
 *   target.h    the process
 *   contact.h   whether memlog is in it, and its numbers
 *   recorder.h  the log: memlog's numbers, or the system's where there is no memlog
 *   claim.h     that nobody else writes there
 *
 * The process is only looked at: it is not stopped, gets no signal and loses no memory.
 */
#ifndef ML_CLI_ATTACH_H
#define ML_CLI_ATTACH_H

/* The words behind "memlog": argv[0] is "attach". The exit status. */
int ml_cli_attach(int argc, char **argv);

#endif
