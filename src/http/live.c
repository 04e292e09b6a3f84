/* SPDX-License-Identifier: MIT */
/* live.c - /debug/memlog/data: what the live page draws, as JSON.
 *
 * ?since=N&run=RUN: the rows behind the one with that number, if it still is the same process;
 * else all.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "http/command.h"
#include "http/cycles.h"
#include "http/history.h"
#include "http/pages.h"
#include "http/site.h"
#include "os/clock.h"

static void put_seconds(struct ml_buffer *buffer, const char *name, uint64_t ns)
{
    ml_buffer_printf(buffer, ",\"%s\":%" PRIu64 ".%03u", name, ns / ML_NS_PER_SECOND,
                     (unsigned)(ns / ML_NS_PER_MS % 1000));
}

/* Of a limit there is none: 0, or so large that it is no limit. */
static void put_limit(struct ml_buffer *buffer, const char *name, uint64_t bytes)
{
    if (bytes == 0 || bytes >= INT64_MAX)
        ml_buffer_printf(buffer, ",\"%s\":null", name);
    else
        ml_buffer_printf(buffer, ",\"%s\":%" PRIu64, name, bytes);
}

/* For a heading: of a long one the beginning. */
static void put_command(struct ml_buffer *buffer, const struct ml_site *site)
{
    enum { SHOWN = 2000 };
    struct ml_buffer arguments = { 0 };
    ml_command_read(site, &arguments);
    arguments.length = ml_min(arguments.length, SHOWN);
    size_t first = arguments.length == 0 ? 0 : strnlen(arguments.bytes, arguments.length);
    const char *slash = first == 0 ? NULL : memrchr(arguments.bytes, '/', first);
    size_t before = slash == NULL ? 0 : (size_t)(slash - arguments.bytes) + 1;
    ml_buffer_string(buffer, ",\"program\":");
    ml_buffer_json(buffer, arguments.bytes + before, first - before);
    for (size_t i = 0; i < arguments.length; i++)
        if (arguments.bytes[i] == '\0')
            arguments.bytes[i] = ' ';
    ml_buffer_string(buffer, ",\"command\":");
    ml_buffer_json(buffer, arguments.bytes, arguments.length);
    ml_buffer_free(&arguments);
}

static void put_classes(struct ml_buffer *buffer, const struct ml_history *history)
{
    const struct memlog_memstats *stats = ml_history_stats(history);
    const struct memlog_extra *extra = ml_history_extra(history);
    ml_buffer_string(buffer, ",\"classes\":[");
    for (unsigned i = 1; i <= MEMLOG_SIZE_CLASSES; i++)
        ml_buffer_printf(buffer, "%s[%u,%" PRIu64 ",%" PRIu64 "]", i == 1 ? "" : ",", stats->by_size[i].size,
                         stats->by_size[i].mallocs, stats->by_size[i].frees);
    ml_buffer_printf(buffer,
                     "],\"large\":{\"mallocs\":%" PRIu64 ",\"frees\":%" PRIu64 ",\"malloc_bytes\":%" PRIu64
                     ",\"free_bytes\":%" PRIu64 "}",
                     extra->large_mallocs, extra->large_frees, extra->large_malloc_bytes,
                     extra->large_free_bytes);
}

static void put_error(struct ml_buffer *buffer, int error)
{
    struct ml_reply reply = { 0 };
    ml_buffer_string(buffer, ",\"error\":");
    if (error == 0) {
        ml_buffer_string(buffer, "null");
        return;
    }
    ml_reply_unreadable(&reply, error);
    ml_buffer_json(buffer, reply.body.bytes, reply.body.length == 0 ? 0 : reply.body.length - 1);
    ml_buffer_free(&reply.body);
}

static void put_process(struct ml_buffer *body, const struct ml_site *site, const char *run, uint64_t start_ns)
{
    const struct memlog_memstats *stats = ml_history_stats(site->history);
    const struct memlog_extra *extra = ml_history_extra(site->history);
    ml_buffer_string(body, "{\"version\":");
    ml_buffer_json(body, site->version, strlen(site->version));
    ml_buffer_printf(body, ",\"run\":\"%s\",\"pid\":%d", run, (int)site->source->pid);
    put_command(body, site);
    put_seconds(body, "start", start_ns);
    put_seconds(body, "now", ml_os_realtime_ns());
    ml_buffer_printf(body, ",\"interval\":%u", (unsigned)(ML_HISTORY_INTERVAL_NS / ML_NS_PER_SECOND));
    put_limit(body, "limit", extra->cgroup_limit);
    put_limit(body, "memory_limit", (uint64_t)extra->memory_limit);
    ml_buffer_printf(body, ",\"collects\":%s", stats->enable_gc || stats->num_gc != 0 ? "true" : "false");
}

enum ml_progress ml_page_live_data(struct ml_request *request)
{
    const struct ml_site *site = request->site;
    struct ml_buffer *body = &request->reply.body;
    const char *since = ml_request_parameter(request, "since");
    const char *asked_run = ml_request_parameter(request, "run");
    char run[64];
    struct ml_text text;
    ml_text_init(&text, run, sizeof(run));
    ml_text_i64(&text, site->source->pid);
    ml_text_char(&text, '-');
    ml_text_u64(&text, site->start_ns / ML_NS_PER_MS);
    ml_text_finish(&text);
    bool goes_on = since != NULL && asked_run != NULL && strcmp(asked_run, run) == 0;
    uint64_t seen = goes_on ? strtoull(since, NULL, 10) : 0;

    request->reply.type = ML_TYPE_JSON;
    put_process(body, site, run, site->start_ns);
    ml_buffer_printf(body, ",\"seq\":%" PRIu64 ",\"columns\":", ml_history_last(site->history));
    ml_history_columns(body);
    ml_buffer_string(body, ",\"rows\":");
    ml_history_rows(site->history, seen, body);
    ml_buffer_string(body, ",\"cycles\":");
    ml_cycles_json(site->source, ml_history_cycles(site->history, seen), body);
    put_classes(body, site->history);
    put_error(body, ml_history_error(site->history));
    ml_buffer_string(body, "}\n");
    return ML_ANSWERED;
}
