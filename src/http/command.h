/* SPDX-License-Identifier: MIT */
/* command.h - the command line of the process that the pages are of. */
#ifndef ML_HTTP_COMMAND_H
#define ML_HTTP_COMMAND_H

#include "http/buffer.h"
#include "http/site.h"

/* The arguments with a NUL between two; the name alone where the rest is not to be seen. Nothing where
 * the system does not say it. */
void ml_command_read(const struct ml_site *site, struct ml_buffer *arguments);
/* The same as a JSON array. */
void ml_command_json(const struct ml_site *site, struct ml_buffer *buffer);

#endif
