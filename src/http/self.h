/* SPDX-License-Identifier: MIT */
/* self.h - the numbers of the process that the server is in. */
#ifndef ML_HTTP_SELF_H
#define ML_HTTP_SELF_H

#include "http/source.h"

/* 0 or -errno. It lives until the process ends; in a forked child it has to be asked for again. */
int ml_self_source(struct ml_source *source);

#endif
