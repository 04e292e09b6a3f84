/* SPDX-License-Identifier: MIT */
/* vars.c - /debug/vars, as Go's expvar has it: one JSON object, a variable a line, in order of
 * their names: cmdline, memlog (what Go leaves out), memstats, and what the program publishes.
 */
#include "http/command.h"
#include "http/pages.h"
#include "http/published.h"
#include "http/site.h"
#include "stats/json.h"

struct numbers {
    struct memlog_memstats stats;
    struct memlog_extra extra;
};

static void write_extra(struct ml_text *text, void *numbers)
{
    ml_json_extra(text, &((const struct numbers *)numbers)->extra);
}

static void write_memstats(struct ml_text *text, void *numbers)
{
    ml_json_memstats(text, &((const struct numbers *)numbers)->stats);
}

/* A function that was published since somebody looked is in the next answer. */
static void write_all(struct ml_request *request, struct numbers *numbers, bool calls)
{
    struct ml_buffer *body = &request->reply.body;
    request->reply.type = ML_TYPE_JSON;
    ml_buffer_string(body, "{\n");
    ml_published_write(body, NULL, "cmdline", calls);
    ml_buffer_string(body, body->length <= 2 ? "\"cmdline\": " : ",\n\"cmdline\": ");
    ml_command_json(request->site, body);
    ml_published_write(body, "cmdline", "memlog", calls);
    ml_buffer_string(body, ",\n\"memlog\": ");
    ml_buffer_text(body, write_extra, numbers);
    ml_published_write(body, "memlog", "memstats", calls);
    ml_buffer_string(body, ",\n\"memstats\": ");
    ml_buffer_text(body, write_memstats, numbers);
    ml_published_write(body, "memstats", NULL, calls);
    ml_buffer_string(body, "\n}\n");
}

/* Functions of the program's may take their time, and memlog's objects. */
enum ml_progress ml_page_vars(struct ml_request *request)
{
    const struct ml_source *source = request->site->source;
    struct numbers numbers = { .extra.size = sizeof(numbers.extra) };
    bool calls = source->enter != NULL && ml_published_has_functions();
    if (calls && !request->by_worker)
        return ML_ELSEWHERE;
    int error = source->read(source->context, &numbers.stats, &numbers.extra);
    if (error != 0) {
        ml_reply_unreadable(&request->reply, error);
        return ML_ANSWERED;
    }
    if (calls)
        source->enter(source->context);
    write_all(request, &numbers, calls);
    if (calls)
        source->leave(source->context);
    return ML_ANSWERED;
}
