/* SPDX-License-Identifier: MIT */
/* index.c - /debug/ and /debug/pprof/: which pages there are. */
#include <inttypes.h>

#include "http/pages.h"
#include "http/site.h"

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/debug/memlog/pages.css\">\n";

static const char pages[] =
    "<title>/debug/</title>\n</head>\n<body>\n<h1>/debug/</h1>\n<dl>\n"
    "<dt><a href=\"/debug/memlog\">memlog</a></dt><dd>memory over time, live</dd>\n"
    "<dt><a href=\"/debug/mem\">mem</a></dt><dd>all numbers as text; <code>?unit=bytes</code></dd>\n"
    "<dt><a href=\"/debug/gc\">gc</a></dt><dd>the last collections; <code>?format=json</code></dd>\n"
    "<dt><a href=\"/debug/pprof/\">pprof/</a></dt><dd>who allocates: heap profiles</dd>\n"
    "<dt><a href=\"/debug/vars\">vars</a></dt><dd>variables as JSON (expvar)</dd>\n"
    "<dt><a href=\"/metrics\">/metrics</a></dt><dd>for Prometheus; <code>?go=1</code> with Go's names, too</dd>\n"
    "</dl>\n</body>\n</html>\n";

static const char profiles[] =
    "<title>/debug/pprof/</title>\n</head>\n<body>\n<h1>/debug/pprof/</h1>\n"
    "<table>\n<thead><tr><th scope=\"col\">Count</th><th scope=\"col\">Profile</th></tr></thead>\n";

static const char explained[] =
    "</table>\n<dl>\n"
    "<dt>allocs</dt><dd>all that was allocated since the program began, sampled</dd>\n"
    "<dt>cmdline</dt><dd>the program's arguments</dd>\n"
    "<dt>heap</dt><dd>what is in use, sampled; <code>gc=1</code> collects before, <code>seconds=30</code> shows "
    "what changes in that time, <code>debug=1</code> is text, <code>format=collapsed</code> for flame graphs</dd>\n"
    "<dt>symbol</dt><dd>names of addresses, for pprof</dd>\n</dl>\n"
    "<p><code>go tool pprof http://HOST/debug/pprof/heap</code></p>\n</body>\n</html>\n";

enum ml_progress ml_page_index(struct ml_request *request)
{
    request->reply.type = ML_TYPE_HTML;
    ml_buffer_string(&request->reply.body, head);
    ml_buffer_string(&request->reply.body, pages);
    return ML_ANSWERED;
}

/* Links in the page count on the slash. */
enum ml_progress ml_page_pprof_folder(struct ml_request *request)
{
    enum { MOVED = 301 };
    ml_reply_error(&request->reply, MOVED, "/debug/pprof/");
    request->reply.location = "/debug/pprof/";
    return ML_ANSWERED;
}

/* To count the records takes reading them. */
enum ml_progress ml_page_pprof_index(struct ml_request *request)
{
    const struct ml_source *source = request->site->source;
    struct ml_buffer *body = &request->reply.body;
    struct ml_snapshot snapshot;
    if (!request->by_worker)
        return ML_ELSEWHERE;
    int error = source->profile(source->context, &snapshot);
    if (error != 0) {
        ml_reply_unreadable(&request->reply, error);
        return ML_ANSWERED;
    }
    request->reply.type = ML_TYPE_HTML;
    ml_buffer_string(body, head);
    ml_buffer_string(body, profiles);
    ml_buffer_printf(body,
                     "<tr><td>%zu</td><td><a href=\"allocs?debug=1\">allocs</a></td></tr>\n"
                     "<tr><td>0</td><td><a href=\"cmdline?debug=1\">cmdline</a></td></tr>\n"
                     "<tr><td>%zu</td><td><a href=\"heap?debug=1\">heap</a></td></tr>\n",
                     snapshot.buckets_count, snapshot.buckets_count);
    ml_buffer_string(body, explained);
    ml_snapshot_free(&snapshot);
    return ML_ANSWERED;
}
