/* SPDX-License-Identifier: MIT */
/* cycles.c - /debug/gc: the last collections, newest first, as a table or (?format=json) for
 * programs. It needs no MEMLOG_GCTRACE, and is there after the fact.
 */
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "http/cycles.h"
#include "http/pages.h"
#include "http/site.h"
#include "os/clock.h"

enum { CYCLES_MOST = MEMLOG_PAUSES };

const char *ml_cycle_reason(const struct ml_gc_record *cycle)
{
    static const char *const names[] = { [ML_GC_PACED] = "paced", [ML_GC_NO_MEMORY] = "memory",
                                         [ML_GC_IDLE] = "idle", [ML_GC_STRESS] = "stress",
                                         [ML_GC_FORCED] = "forced" };
    return cycle->reason < sizeof(names) / sizeof(names[0]) ? names[cycle->reason] : "unknown";
}

void ml_cycles_json(const struct ml_source *source, uint64_t after, struct ml_buffer *buffer)
{
    uint64_t last = source->cycles(source->context);
    bool is_first = true;
    ml_buffer_string(buffer, "[");
    for (uint64_t n = ml_max(after, last > CYCLES_MOST ? last - CYCLES_MOST : 0) + 1; n <= last; n++) {
        struct ml_gc_record cycle;
        if (!source->cycle(source->context, n, &cycle))
            continue;
        uint64_t ms = cycle.ended_ns / ML_NS_PER_MS;
        ml_buffer_printf(buffer,
                         "%s{\"number\":%" PRIu64 ",\"end\":%" PRIu64 ".%03u,\"reason\":\"%s\",\"along\":%s,"
                         "\"before\":%" PRIu64 ",\"live\":%" PRIu64 ",\"goal\":%" PRIu64 ",\"pauses\":%" PRIu64
                         ",\"pause_ns\":%" PRIu64 ",\"longest_ns\":%" PRIu64 ",\"stand_ns\":%" PRIu64
                         ",\"took_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64 ",\"roots\":%" PRIu64 "}",
                         is_first ? "" : ",", cycle.number, ms / 1000, (unsigned)(ms % 1000),
                         ml_cycle_reason(&cycle), cycle.along ? "true" : "false", cycle.taken_bytes,
                         cycle.live_bytes, cycle.goal_bytes, cycle.pauses, cycle.stopped_ns, cycle.longest_ns,
                         cycle.stand_ns, cycle.took_ns, cycle.cpu_ns, cycle.root_bytes);
        is_first = false;
    }
    ml_buffer_string(buffer, "]");
}

/* ---- for people ------------------------------------------------------------------------------ */

/* "12.3": tenths are enough to read, and a comma is nobody's business here. */
static void put_tenths(struct ml_buffer *buffer, uint64_t value, uint64_t unit, int width)
{
    uint64_t tenths = (value * 10 + unit / 2) / unit;
    char number[40];
    struct ml_text text;
    ml_text_init(&text, number, sizeof(number));
    ml_text_u64(&text, tenths / 10);
    ml_text_char(&text, '.');
    ml_text_u64(&text, tenths % 10);
    ml_text_finish(&text);
    ml_buffer_printf(buffer, " %*s", width, number);
}

/* In hundredths of a millisecond: most stops are shorter than one. */
static void put_ms(struct ml_buffer *buffer, uint64_t ns, int width)
{
    uint64_t micros = (ns + 500) / 1000;
    char number[40];
    struct ml_text text;
    ml_text_init(&text, number, sizeof(number));
    ml_text_u64(&text, micros / 1000);
    ml_text_char(&text, '.');
    ml_text_u64_padded(&text, micros % 1000, 3);
    ml_text_finish(&text);
    ml_buffer_printf(buffer, " %*s", width, number);
}

static void put_cycle(struct ml_buffer *buffer, const struct ml_gc_record *cycle)
{
    const uint64_t MIB = 1 << 20;
    char when[40];
    struct ml_text text;
    ml_text_init(&text, when, sizeof(when));
    ml_text_utc(&text, (int64_t)(cycle->ended_ns / ML_NS_PER_SECOND));
    ml_text_finish(&text);
    ml_buffer_printf(buffer, "%7" PRIu64 " %-20s %-7s %-6s", cycle->number, when,
                     cycle->along ? "along" : "stopped", ml_cycle_reason(cycle));
    put_tenths(buffer, cycle->taken_bytes, MIB, 11);
    put_tenths(buffer, cycle->live_bytes, MIB, 9);
    if (cycle->goal_bytes >= INT64_MAX)
        ml_buffer_printf(buffer, " %9s", "-");
    else
        put_tenths(buffer, cycle->goal_bytes, MIB, 9);
    ml_buffer_printf(buffer, " %6" PRIu64, cycle->pauses);
    put_ms(buffer, cycle->longest_ns, 11);
    put_ms(buffer, cycle->stopped_ns, 11);
    put_ms(buffer, cycle->took_ns, 11);
    put_ms(buffer, cycle->cpu_ns, 11);
    ml_buffer_string(buffer, "\n");
}

static void put_table(struct ml_buffer *buffer, const struct ml_source *source)
{
    uint64_t last = source->cycles(source->context);
    ml_buffer_printf(buffer, "%" PRIu64 " collections%s\n", last,
                     last == 0            ? ". A program that only uses malloc and free has none."
                     : last > CYCLES_MOST ? "; the last 256, the newest first:"
                                          : ", the newest first:");
    if (last == 0)
        return;
    ml_buffer_string(buffer, "\n number ended (UTC)          how     why     before/MiB  live/MiB  goal/MiB stops"
                             "  longest/ms  stopped/ms     mark/ms      CPU/ms\n");
    for (uint64_t n = last; n != 0 && n + CYCLES_MOST > last; n--) {
        struct ml_gc_record cycle;
        if (source->cycle(source->context, n, &cycle))
            put_cycle(buffer, &cycle);
    }
}

enum ml_progress ml_page_cycles(struct ml_request *request)
{
    enum { BAD_REQUEST = 400 };
    const char *format = ml_request_parameter(request, "format");
    if (format != NULL && strcmp(format, "json") == 0) {
        request->reply.type = ML_TYPE_JSON;
        ml_cycles_json(request->site->source, 0, &request->reply.body);
        ml_buffer_string(&request->reply.body, "\n");
    } else if (format == NULL || strcmp(format, "text") == 0) {
        request->reply.type = ML_TYPE_TEXT;
        put_table(&request->reply.body, request->site->source);
    } else {
        ml_reply_error(&request->reply, BAD_REQUEST, "format is text or json");
    }
    return ML_ANSWERED;
}
