/* SPDX-License-Identifier: MIT */
#include "cli/arguments.h"

#include <stddef.h>

#include "api/options.h"

void ml_arguments_take(const struct argp *argp, const char *command, int failure, unsigned flags,
                       int argc, char **argv, void *input)
{
    argv[0] = (char *)command; /* argp reads it only */
    argp_err_exit_status = failure;
    argp_parse(argp, argc, argv, flags, NULL, input);
}

void ml_take_word(const char **word, const char *kind, char *argument, struct argp_state *state)
{
    if (*word != NULL)
        argp_error(state, "one %s at a time: \"%s\" is one too many", kind, argument);
    *word = argument;
}

void ml_take_interval(uint64_t *ns, const char *option, const char *argument,
                      struct argp_state *state)
{
    if (!ml_parse_interval(argument, ns))
        argp_error(state, "--%s: \"%s\" is not a time from 1ms to 24h (try 1s, 100ms, 2m)", option,
                   argument);
}

void ml_take_bytes(uint64_t *bytes, const char *option, const char *argument,
                   struct argp_state *state)
{
    if (!ml_parse_bytes(argument, bytes))
        argp_error(state, "--%s: \"%s\" is not a size (try 64MiB, 1GiB)", option, argument);
}
