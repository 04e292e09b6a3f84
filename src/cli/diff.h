/* SPDX-License-Identifier: MIT */
/* diff.h - memlog diff: what one run took more than another. */
#ifndef ML_CLI_DIFF_H
#define ML_CLI_DIFF_H

int ml_cli_diff(int argc, char **argv);

#endif
