/* SPDX-License-Identifier: MIT */
/* units.h - numbers for people. */
#ifndef ML_CLI_UNITS_H
#define ML_CLI_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* "412.3 MiB", into the caller's text, which is returned. */
const char *ml_bytes_text(uint64_t bytes, char *text, size_t capacity);

#endif
