/* SPDX-License-Identifier: MIT */
/* symbolz.h - names for pprof where it has no file to look into: it sends addresses, and gets
 * lines of an address and a name. Pure, but for the namer.
 */
#ifndef ML_HTTP_SYMBOLZ_H
#define ML_HTTP_SYMBOLZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/buffer.h"
#include "http/names.h"

/* The next address of "0x55d1+0x55a0": hexadecimal, behind 0x, with anything else between them.
 * False: there is none. What has more than 64 bits is none. */
bool ml_symbolz_next(const char **at, const char *end, uint64_t *address);

/* The answer: that there are names, then those that are known. The namer tells one for an address,
 * which is what there is room for: it is one without lines. */
void ml_symbolz_write(const char *query, size_t length, const struct ml_namer *namer,
                      struct ml_buffer *buffer);

#endif
