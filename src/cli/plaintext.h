/* SPDX-License-Identifier: MIT */
/* plaintext.h - text out of a log, where people see it: whatever is in it, no terminal obeys it. */
#ifndef ML_CLI_PLAINTEXT_H
#define ML_CLI_PLAINTEXT_H

#include <stddef.h>

/* Bytes of the character at text, of which `left` are there (1 or more); *shown: what stands for it,
 * or NULL: it does so itself. Control characters are shown as a blank, bytes that are none in UTF-8
 * as '?'. */
size_t ml_plain_next(const char *text, size_t left, const char **shown);
/* All of it, in its place. */
void ml_plain(char *text);

#endif
