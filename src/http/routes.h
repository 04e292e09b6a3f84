/* SPDX-License-Identifier: MIT */
/* routes.h - which page is where. */
#ifndef ML_HTTP_ROUTES_H
#define ML_HTTP_ROUTES_H

#include "http/request.h"

typedef enum ml_progress ml_handler(struct ml_request *request);

/* What handles it. NULL: nobody does, and the reply says why (404, 405 with Allow). Pure. */
ml_handler *ml_route_find(const char *path, const char *method, struct ml_reply *reply);

#endif
