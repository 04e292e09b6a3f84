/* SPDX-License-Identifier: MIT */
/* collapse.h - memlog collapse: a profile's stacks for flame graphs. */
#ifndef ML_CLI_COLLAPSE_H
#define ML_CLI_COLLAPSE_H

/* argv[0] is the word. Its exit status. */
int ml_cli_collapse(int argc, char **argv);

#endif
