/* SPDX-License-Identifier: MIT */
/* respond.h - an answer, with its headers, to the library. The server's thread. */
#ifndef ML_HTTP_RESPOND_H
#define ML_HTTP_RESPOND_H

#include <microhttpd.h>

#include "http/request.h"

/* The body goes over to the library. */
enum MHD_Result ml_respond(struct ml_request *request);

#endif
