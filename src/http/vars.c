/* SPDX-License-Identifier: MIT */
/* vars.c - /debug/vars, as Go's expvar has it: one JSON object, a variable a line, in order of
 * their names: cmdline, memstats, and what the program publishes.
 */
#include "http/command.h"
#include "http/pages.h"
#include "http/published.h"
#include "http/site.h"
#include "stats/json.h"

static void write_memstats(struct ml_text *text, void *stats) { ml_json_memstats(text, stats); }

/* A function that was published since somebody looked is in the next answer. */
static void write_all(struct ml_request *request, struct memlog_memstats *stats, bool calls)
{
    struct ml_buffer *body = &request->reply.body;
    request->reply.type = ML_TYPE_JSON;
    ml_buffer_string(body, "{\n");
    ml_published_write(body, NULL, "cmdline", calls);
    ml_buffer_string(body, body->length <= 2 ? "\"cmdline\": " : ",\n\"cmdline\": ");
    ml_command_json(request->site, body);
    ml_published_write(body, "cmdline", "memstats", calls);
    ml_buffer_string(body, ",\n\"memstats\": ");
    ml_buffer_text(body, write_memstats, stats);
    ml_published_write(body, "memstats", NULL, calls);
    ml_buffer_string(body, "\n}\n");
}

/* Functions of the program's may take their time, and memlog's objects. */
enum ml_progress ml_page_vars(struct ml_request *request)
{
    const struct ml_source *source = request->site->source;
    struct memlog_memstats stats;
    struct memlog_extra extra = { .size = sizeof(extra) };
    bool calls = source->enter != NULL && ml_published_has_functions();
    if (calls && !request->by_worker)
        return ML_ELSEWHERE;
    int error = source->read(source->context, &stats, &extra);
    if (error != 0) {
        ml_reply_unreadable(&request->reply, error);
        return ML_ANSWERED;
    }
    if (calls)
        source->enter(source->context);
    write_all(request, &stats, calls);
    if (calls)
        source->leave(source->context);
    return ML_ANSWERED;
}
