/* SPDX-License-Identifier: MIT */
/* help.h - memlog help: which commands there are, and what is to be read about one of them. */
#ifndef ML_CLI_HELP_H
#define ML_CLI_HELP_H

#include <stddef.h>
#include <stdio.h>

/* One part of the command memlog. */
struct ml_subcommand {
    const char *name;
    int (*begin)(int argc, char **argv); /* argv[0]: its name. The exit status */
    const char *help;                    /* a line */
};

/* How the command is used, and a line for each of them. */
void ml_help_list(FILE *to, const struct ml_subcommand *commands, size_t count);

/* memlog help [TOPIC]: the list; or the manual page of a command, or of what else has a page of
 * ours, in man; of a command without a page, or where there is no man, what its --help says.
 * argv[0] is "help". The exit status, if there is one: man takes this process's place. */
int ml_help(int argc, char **argv, const struct ml_subcommand *commands, size_t count);

#endif
