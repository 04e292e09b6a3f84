/* SPDX-License-Identifier: MIT */
/* run.h - memlog run: a program, unchanged, on memlog's heap, and its log.
 *
 *   program.h   what is to run, and whether it can be
 *   board.h     shared memory: where its memlog is, and its last numbers
 *   child.h     it runs; signals, its end
 *   recorder.h  the log: image.h reads its memory at each tick
 *   family.h    the logs of processes that it starts
 *   alert.h     what is done when a number crosses a bound
 */
#ifndef ML_CLI_RUN_H
#define ML_CLI_RUN_H

/* The words behind "memlog": argv[0] is "run". The exit status. */
int ml_cli_run(int argc, char **argv);

#endif
