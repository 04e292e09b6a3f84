/* SPDX-License-Identifier: MIT */
/* arguments.h - what the commands' words on the command line have in common, on top of argp: one
 * wording for one mistake. What is wrong ends the program, with one line and the command's own
 * status.
 */
#ifndef ML_CLI_ARGUMENTS_H
#define ML_CLI_ARGUMENTS_H

#include <argp.h>
#include <stdint.h>

/* Read argv as argp says, into input. command: "memlog stat", what messages and --help call it;
 * failure: the exit status of wrong use; flags: argp_parse's. */
void ml_arguments_take(const struct argp *argp, const char *command, int failure, unsigned flags,
                       int argc, char **argv, void *input);

/* The one word that is no option, "log" or "process" being its kind. *word: NULL before. */
void ml_take_word(const char **word, const char *kind, char *argument, struct argp_state *state);
/* Nanoseconds between two samples or glances. option: "interval". */
void ml_take_interval(uint64_t *ns, const char *option, const char *argument,
                      struct argp_state *state);
void ml_take_bytes(uint64_t *bytes, const char *option, const char *argument,
                   struct argp_state *state);

#endif
