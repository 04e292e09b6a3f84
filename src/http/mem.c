/* SPDX-License-Identifier: MIT */
/* mem.c - /debug/mem: the numbers as text. ?unit=bytes, KiB, MiB (as it is without), GiB, MB. */
#include <stddef.h>

#include "http/pages.h"
#include "http/site.h"
#include "stats/text.h"

struct numbers {
    struct memlog_memstats stats;
    struct memlog_extra extra;
    enum ml_text_unit unit;
};

static void write(struct ml_text *text, void *argument)
{
    const struct numbers *numbers = argument;
    ml_text_stats(text, &numbers->stats, &numbers->extra, numbers->unit);
}

enum ml_progress ml_page_mem(struct ml_request *request)
{
    enum { BAD_REQUEST = 400 };
    const struct ml_source *source = request->site->source;
    struct numbers numbers = { .extra.size = sizeof(numbers.extra), .unit = ML_TEXT_MIB };
    const char *unit = ml_request_parameter(request, "unit");
    if (unit != NULL && !ml_text_unit_parse(unit, &numbers.unit)) {
        ml_reply_error(&request->reply, BAD_REQUEST, "unit is one of bytes, KiB, MiB, GiB, MB");
        return ML_ANSWERED;
    }
    int error = source->read(source->context, &numbers.stats, &numbers.extra);
    if (error != 0) {
        ml_reply_unreadable(&request->reply, error);
        return ML_ANSWERED;
    }
    request->reply.type = ML_TYPE_TEXT;
    ml_buffer_text(&request->reply.body, write, &numbers);
    return ML_ANSWERED;
}
