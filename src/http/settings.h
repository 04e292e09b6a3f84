/* SPDX-License-Identifier: MIT */
/* settings.h - what the environment says of the pages. */
#ifndef ML_HTTP_SETTINGS_H
#define ML_HTTP_SETTINGS_H

#include "http/server.h"

/* address NULL: MEMLOG_HTTP's, or the default. 0, or -EINVAL after a line on stderr. The strings are the
 * caller's and the environment's. */
int ml_http_settings(struct ml_server_settings *settings, const char *address);

#endif
