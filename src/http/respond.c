/* SPDX-License-Identifier: MIT */
#include "http/respond.h"

#include <stdio.h>
#include <stdlib.h>

#include "http/connections.h"
#include "os/clock.h"

/* What a browser is not to do with a page: run or load what is not ours, show it within another
 * site's, guess its type, tell others where it was, keep it. */
static const struct {
    const char *name, *value;
} headers[] = {
    { "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
    { "X-Content-Type-Options", "nosniff" },
    { "X-Frame-Options", "DENY" },
    { "Referrer-Policy", "no-referrer" },
    { "Cross-Origin-Resource-Policy", "same-origin" },
    { "Cross-Origin-Opener-Policy", "same-origin" },
    { "Cache-Control", "no-store" },
};

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    if (value != NULL)
        (void)MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const struct ml_reply *reply)
{
    char text[128];
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        add(response, headers[i].name, headers[i].value);
    add(response, "Content-Type", reply->type);
    add(response, "Allow", reply->allow);
    add(response, "Location", reply->location);
    if (reply->is_pprof_error)
        add(response, "X-Go-Pprof", "1");
    if (reply->retry_after != 0) {
        snprintf(text, sizeof(text), "%u", reply->retry_after);
        add(response, "Retry-After", text);
    }
    if (reply->filename != NULL) {
        snprintf(text, sizeof(text), "attachment; filename=\"%s\"", reply->filename);
        add(response, "Content-Disposition", text);
    }
}

static struct MHD_Response *make(struct ml_reply *reply)
{
    if (reply->fixed != NULL)
        return MHD_create_response_from_buffer(reply->fixed_length, (void *)reply->fixed,
                                               MHD_RESPMEM_PERSISTENT);
    if (reply->body.failed)
        ml_reply_error(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "there is no memory for the page");
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.length, reply->body.bytes, MHD_RESPMEM_MUST_FREE);
    if (response != NULL)
        reply->body = (struct ml_buffer){ 0 };
    return response;
}

enum MHD_Result ml_respond(struct ml_request *request)
{
    struct MHD_Response *response = make(&request->reply);
    if (response == NULL)
        return MHD_NO;
    add_headers(response, &request->reply);
    if (request->place != NULL)
        ml_connection_answers(request->place, ml_os_monotonic_ns());
    unsigned status = request->reply.status == 0 ? MHD_HTTP_OK : request->reply.status;
    enum MHD_Result result = MHD_queue_response(request->link, status, response);
    MHD_destroy_response(response);
    return result;
}
