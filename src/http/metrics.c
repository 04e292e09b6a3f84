/* SPDX-License-Identifier: MIT */
/* metrics.c - /metrics: for Prometheus and what reads as it does. OpenMetrics to who asks for it in
 * Accept; ?go=1: Go's names, too.
 */
#include <stdio.h>
#include <string.h>

#include "http/pages.h"
#include "http/site.h"
#include "os/account.h"
#include "stats/prometheus.h"

static void write(struct ml_text *text, void *input) { ml_prometheus_write(text, input); }

/* A scraper that reads both names OpenMetrics first; a browser does not know it. */
static bool wants_open_metrics(const struct ml_request *request)
{
    const char *accept = ml_request_header(request, "Accept");
    return accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;
}

enum ml_progress ml_page_metrics(struct ml_request *request)
{
    const struct ml_source *source = request->site->source;
    struct memlog_memstats stats;
    struct memlog_extra extra = { .size = sizeof(extra) };
    struct ml_os_account process;
    char proc[32];
    int error = source->read(source->context, &stats, &extra);
    if (error != 0) {
        ml_reply_unreadable(&request->reply, error);
        return ML_ANSWERED;
    }
    snprintf(proc, sizeof(proc), "/proc/%d", (int)source->pid);
    ml_os_account_read(proc, &process);
    struct ml_prometheus input = { &stats, &extra, &process, request->site->version,
                                   wants_open_metrics(request),
                                   request->site->go_metrics || ml_request_flag(request, "go") };
    request->reply.type = input.open_metrics ? ML_OPENMETRICS_TYPE : ML_PROMETHEUS_TYPE;
    ml_buffer_text(&request->reply.body, write, &input);
    return ML_ANSWERED;
}
