/* SPDX-License-Identifier: MIT */
/* jsontext.h - pieces of JSON, out of bytes that may be anything. */
#ifndef ML_CLI_JSONTEXT_H
#define ML_CLI_JSONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* With its quotes; what is no UTF-8 becomes U+FFFD. */
void ml_json_string(FILE *to, const char *text, size_t length);
/* Whether the text is a number as JSON writes them. */
bool ml_json_is_number(const char *text, size_t length);
/* The shortest text that reads back as it; null where it is none. */
void ml_json_double(FILE *to, double value);

#endif
