/* SPDX-License-Identifier: MIT */
/* core.h - memlog core: the statistics and the heap of a process that has died, out of its core
 * file.
 *
 *   core.c      options, the file, the statistics
 *   postmortem.h  what the parts share: the core, memlog in it, places in words
 *   corespans.c --spans, --top    corerefs.c     --whereis, --find-refs
 *   corecheck.c --check           coreprofile.c  --profile, and stacks of --top
 */
#ifndef ML_CLI_CORE_H
#define ML_CLI_CORE_H

/* argv[0] is the command's own name. Returns the exit status. */
int ml_cli_core(int argc, char **argv);

#endif
